import { Box, Button, HStack, Table } from "@chakra-ui/react";
import type { JobView } from "../api/types";
import { Ago } from "../parts/Ago";
import { JobStateBadge } from "../parts/JobStateBadge";
import { Lasting } from "../parts/Lasting";
import { inWords } from "../parts/spans";
import { AgentLink } from "./AgentLink";
import { Explanation } from "./Explanation";
import { KindBadge } from "./KindBadge";
import { TaskLink } from "./TaskLink";

export interface JobsTableProps {
  jobs: JobView[];
  onOpen: (id: string) => void;
  /** On the page of one agent its name would be the same in each row. */
  withoutAgent?: boolean;
}

/** Jobs, one a row; what keeps one waiting stands below its name. */
export function JobsTable({ jobs, onOpen, withoutAgent = false }: JobsTableProps) {
  return (
    <Table.ScrollArea>
      <Table.Root size="sm">
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader>State</Table.ColumnHeader>
            <Table.ColumnHeader>Job</Table.ColumnHeader>
            <Table.ColumnHeader>Queue</Table.ColumnHeader>
            {withoutAgent ? null : <Table.ColumnHeader>Agent</Table.ColumnHeader>}
            <Table.ColumnHeader>Queued</Table.ColumnHeader>
            <Table.ColumnHeader>Waited</Table.ColumnHeader>
            <Table.ColumnHeader>Ran</Table.ColumnHeader>
            <Table.ColumnHeader>
              <Box srOnly>Details</Box>
            </Table.ColumnHeader>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {jobs.map((job) => (
            <Table.Row key={job.id} verticalAlign="top">
              <Table.Cell>
                <JobStateBadge state={job.state} />
              </Table.Cell>
              <Table.Cell minW={60} whiteSpace="normal" overflowWrap="anywhere">
                <HStack gap={2} wrap="wrap">
                  <TaskLink job={job} />
                  <KindBadge kind={job.kind} />
                </HStack>
                <Explanation job={job} />
              </Table.Cell>
              <Table.Cell>{job.queue}</Table.Cell>
              {withoutAgent ? null : (
                <Table.Cell>
                  <AgentLink name={job.agent_name} />
                </Table.Cell>
              )}
              <Table.Cell>
                <Ago at={job.queued_at} />
              </Table.Cell>
              <Table.Cell whiteSpace="nowrap">
                <Waited job={job} />
              </Table.Cell>
              <Table.Cell whiteSpace="nowrap">
                <Ran job={job} />
              </Table.Cell>
              <Table.Cell textAlign="end">
                <Button
                  size="xs"
                  variant="outline"
                  aria-label={`Details and log of ${nameOf(job)}`}
                  onClick={() => onOpen(job.id)}
                >
                  Details
                </Button>
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table.Root>
    </Table.ScrollArea>
  );
}

/** How long it waited for an agent that was allowed to start it. */
export function Waited({ job }: { job: JobView }) {
  if (job.state === "queued" || job.state === "offered") {
    return <Lasting from={job.queued_at} until={null} />;
  }
  return job.wait_seconds === null ? "–" : inWords(job.wait_seconds);
}

/** How long it ran, or has been running. */
export function Ran({ job }: { job: JobView }) {
  if (job.confirmed_at === null) {
    return "–";
  }
  if (job.ended_at === null) {
    return <Lasting from={job.confirmed_at} until={null} />;
  }
  return job.ran_seconds === null ? <Lasting from={job.confirmed_at} until={job.ended_at} /> : inWords(job.ran_seconds);
}

function nameOf(job: JobView): string {
  return job.hidden ? `job ${job.id}` : job.label;
}
