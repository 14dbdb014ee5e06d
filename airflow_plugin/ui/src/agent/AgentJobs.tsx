import { Box, Link as ChakraLink, Flex, Heading, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import type { JobView } from "../api/types";
import { searchOf, useSearch } from "../app/search";
import { JobDrawer } from "../jobs/JobDrawer";
import { JobsTable } from "../jobs/JobsTable";

export interface AgentJobsProps {
  agent: string;
  jobs: JobView[];
}

/** What an agent has in hand, and what it had lately. */
export function AgentJobs({ agent, jobs }: AgentJobsProps) {
  const search = useSearch();
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
      {jobs.length === 0 ? (
        <Text color="fg.muted">It has had no job that is still kept.</Text>
      ) : (
        <JobsTable jobs={jobs} withoutAgent onOpen={(id) => search.set({ job: id })} />
      )}
      {opened === "" ? null : <JobDrawer id={opened} key={opened} onClose={() => search.set({ job: null })} />}
    </Box>
  );
}
