import { Box, Button, Table } from "@chakra-ui/react";
import type { JobView } from "../api/types";
import { AgentLink } from "../jobs/AgentLink";
import { endingOf } from "../jobs/ending";
import { Ran, Waited } from "../jobs/JobsTable";
import { JobStateBadge } from "../parts/JobStateBadge";
import { When } from "../parts/When";

export interface AttemptsTableProps {
  /** The newest first. A try has several where the task was deferred or rescheduled in between. */
  jobs: JobView[];
  onOpen: (id: string) => void;
}

/** Every time that a task instance was queued for an agent, and what came of it. */
export function AttemptsTable({ jobs, onOpen }: AttemptsTableProps) {
  return (
    <Table.ScrollArea>
      <Table.Root size="sm">
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader>Try</Table.ColumnHeader>
            <Table.ColumnHeader>State</Table.ColumnHeader>
            <Table.ColumnHeader>Agent</Table.ColumnHeader>
            <Table.ColumnHeader>Host</Table.ColumnHeader>
            <Table.ColumnHeader>Queued</Table.ColumnHeader>
            <Table.ColumnHeader>Waited</Table.ColumnHeader>
            <Table.ColumnHeader>Ran</Table.ColumnHeader>
            <Table.ColumnHeader>How it ended</Table.ColumnHeader>
            <Table.ColumnHeader>
              <Box srOnly>Log</Box>
            </Table.ColumnHeader>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {jobs.map((job) => (
            <Table.Row key={job.id} verticalAlign="top">
              <Table.Cell>{job.try_number ?? "–"}</Table.Cell>
              <Table.Cell>
                <JobStateBadge state={job.state} />
              </Table.Cell>
              <Table.Cell>
                <AgentLink name={job.agent_name} />
              </Table.Cell>
              <Table.Cell>{job.hostname ?? "–"}</Table.Cell>
              <Table.Cell>
                <When at={job.queued_at} />
              </Table.Cell>
              <Table.Cell whiteSpace="nowrap">
                <Waited job={job} />
              </Table.Cell>
              <Table.Cell whiteSpace="nowrap">
                <Ran job={job} />
              </Table.Cell>
              <Table.Cell whiteSpace="normal" minW={40}>
                {[endingOf(job), job.message].filter(Boolean).join(": ") || "–"}
              </Table.Cell>
              <Table.Cell textAlign="end">
                <Button
                  size="xs"
                  variant="outline"
                  aria-label={`Details and log of try ${job.try_number}`}
                  onClick={() => onOpen(job.id)}
                >
                  Log
                </Button>
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table.Root>
    </Table.ScrollArea>
  );
}
