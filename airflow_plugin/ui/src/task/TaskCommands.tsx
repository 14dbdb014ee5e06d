import { Link as ChakraLink, Flex, Heading } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import type { JobsPage } from "../api/types";
import { searchOf } from "../app/search";
import { PAGE } from "../jobs/AgentLink";
import { CommandsTable } from "../jobs/CommandsTable";

export interface TaskCommandsProps {
  /** The newest of its commands. */
  page: JobsPage;
  of: { dag_id: string; run_id: string; task_id: string; map_index: number };
  onOpen: (id: string) => void;
}

/** What a task instance has submitted, in all its tries. It need not run on an agent itself. */
export function TaskCommands({ page, of, onOpen }: TaskCommandsProps) {
  const { map_index: mapIndex, ...task } = of;
  const narrowed = { tab: "jobs", kind: "command", ...task, map_index: mapIndex < 0 ? null : mapIndex };
  return (
    <section aria-labelledby="commands">
      <Flex justify="space-between" align="baseline" wrap="wrap" gap={2} mb={2}>
        <Heading as="h3" id="commands" size="md">
          Commands
        </Heading>
        <ChakraLink asChild color="fg.info" fontSize="sm">
          <Link to={{ pathname: PAGE, search: searchOf(narrowed) }}>
            {page.total > page.jobs.length ? `All ${page.total} of them` : "Among all jobs"}
          </Link>
        </ChakraLink>
      </Flex>
      <CommandsTable jobs={page.jobs} of="task" onOpen={onOpen} />
    </section>
  );
}
