import { Box, Link as ChakraLink, Flex, Heading, Stack, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import type { JobView } from "../api/types";
import { searchOf, useSearch } from "../app/search";
import { CommandsTable } from "../jobs/CommandsTable";
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
  const open = (id: string) => search.set({ job: id });
  const commands = jobs.filter((job) => job.kind === "command");
  const tasks = jobs.filter((job) => job.kind !== "command");
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
      {jobs.length === 0 ? <Text color="fg.muted">It has had no job that is still kept.</Text> : null}
      <Stack gap={6}>
        {tasks.length === 0 ? null : <JobsTable jobs={tasks} withoutAgent onOpen={open} />}
        {commands.length === 0 ? null : (
          <section aria-labelledby="commands">
            <Heading as="h4" id="commands" size="sm" mb={2}>
              Commands
            </Heading>
            <CommandsTable jobs={commands} of="agent" onOpen={open} />
          </section>
        )}
      </Stack>
      {opened === "" ? null : <JobDrawer id={opened} key={opened} onClose={() => search.set({ job: null })} />}
    </Box>
  );
}
