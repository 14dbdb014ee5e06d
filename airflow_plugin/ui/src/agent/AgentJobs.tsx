import { Box, Link as ChakraLink, Flex, Heading, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import { useJobs } from "../api/queries";
import { searchOf, useSearch } from "../app/search";
import { JobDrawer } from "../jobs/JobDrawer";
import { JobsTable } from "../jobs/JobsTable";
import { ProblemMessage } from "../parts/ProblemMessage";

/** Enough for most agents' slots; the link leads to all. */
const MOST_HELD = 50;
const MOST_ENDED = 10;

export interface AgentJobsProps {
  agent: string;
}

/** What an agent has in hand, and what it had lately. */
export function AgentJobs({ agent }: AgentJobsProps) {
  const search = useSearch();
  const held = useJobs({ agent, state: ["offered", "running"], limit: MOST_HELD });
  const ended = useJobs({ agent, state: ["ended"], limit: MOST_ENDED });
  const error = held.error ?? ended.error;
  const jobs = [...(held.data?.jobs ?? []), ...(ended.data?.jobs ?? [])];
  const isKnown = held.data !== undefined && ended.data !== undefined;
  const opened = search.get("job");
  return (
    <Box as="section" aria-labelledby="jobs">
      <Flex justify="space-between" align="baseline" wrap="wrap" gap={2} mb={2}>
        <Heading as="h3" id="jobs" size="md">
          Running and recent jobs
        </Heading>
        <ChakraLink asChild color="fg.info" fontSize="sm">
          <Link to={searchOf({ tab: "jobs", on: agent })}>All its jobs</Link>
        </ChakraLink>
      </Flex>
      {error === null ? null : <ProblemMessage error={error} />}
      {isKnown && jobs.length === 0 ? <Text color="fg.muted">It has had no job that is still kept.</Text> : null}
      {jobs.length === 0 ? null : <JobsTable jobs={jobs} withoutAgent onOpen={(id) => search.set({ job: id })} />}
      {opened === "" ? null : <JobDrawer id={opened} key={opened} onClose={() => search.set({ job: null })} />}
    </Box>
  );
}
