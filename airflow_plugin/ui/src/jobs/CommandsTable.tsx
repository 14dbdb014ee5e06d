import { Box, Button, Table, Text } from "@chakra-ui/react";
import type { JobView } from "../api/types";
import { Ago } from "../parts/Ago";
import { JobStateBadge } from "../parts/JobStateBadge";
import { Small } from "../parts/Small";
import { AgentLink } from "./AgentLink";
import { Explanation } from "./Explanation";
import { Ran, Waited } from "./JobsTable";
import { TaskLink } from "./TaskLink";

export interface CommandsTableProps {
  /** Of the kind command, all of them. */
  jobs: JobView[];
  onOpen: (id: string) => void;
  /** Where it stands: what would be the same in each row is left out there. */
  of: "all" | "agent" | "task";
}

/** Commands, one a row: how each is called among those of its task, what it runs, and who had it run. */
export function CommandsTable({ jobs, onOpen, of }: CommandsTableProps) {
  return (
    <Table.ScrollArea>
      <Table.Root size="sm">
        <Table.Header>
          <Table.Row>
            {of === "task" ? <Table.ColumnHeader>Try</Table.ColumnHeader> : null}
            <Table.ColumnHeader>State</Table.ColumnHeader>
            <Table.ColumnHeader>Command</Table.ColumnHeader>
            <Table.ColumnHeader>Runs</Table.ColumnHeader>
            {of === "agent" ? null : <Table.ColumnHeader>Agent</Table.ColumnHeader>}
            <Table.ColumnHeader>Submitted</Table.ColumnHeader>
            <Table.ColumnHeader>Waited</Table.ColumnHeader>
            <Table.ColumnHeader>Ran</Table.ColumnHeader>
            <Table.ColumnHeader>
              <Box srOnly>Log</Box>
            </Table.ColumnHeader>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {jobs.map((job) => (
            <CommandRow key={job.id} job={job} of={of} onOpen={() => onOpen(job.id)} />
          ))}
        </Table.Body>
      </Table.Root>
    </Table.ScrollArea>
  );
}

function CommandRow({ job, of, onOpen }: { job: JobView; of: CommandsTableProps["of"]; onOpen: () => void }) {
  return (
    <Table.Row verticalAlign="top">
      {of === "task" ? <Table.Cell>{job.try_number ?? "–"}</Table.Cell> : null}
      <Table.Cell>
        <JobStateBadge state={job.state} />
      </Table.Cell>
      <Table.Cell fontWeight="medium" maxW={48} whiteSpace="normal" overflowWrap="anywhere">
        {job.command_name ?? "–"}
      </Table.Cell>
      <Table.Cell minW={60} whiteSpace="normal" overflowWrap="anywhere">
        {of === "task" ? <Text as="span">{job.label}</Text> : <TaskLink job={job} />}
        <Explanation job={job} />
      </Table.Cell>
      {of === "agent" ? null : (
        <Table.Cell>
          <AgentLink name={job.agent_name} />
        </Table.Cell>
      )}
      <Table.Cell>
        <Ago at={job.queued_at} />
        {job.submitted_by === null ? null : <Small>with {job.submitted_by}</Small>}
      </Table.Cell>
      <Table.Cell whiteSpace="nowrap">
        <Waited job={job} />
      </Table.Cell>
      <Table.Cell whiteSpace="nowrap">
        <Ran job={job} />
      </Table.Cell>
      <Table.Cell textAlign="end">
        <Button size="xs" variant="outline" aria-label={`Details and log of ${commandOf(job)}`} onClick={onOpen}>
          {of === "task" ? "Log" : "Details"}
        </Button>
      </Table.Cell>
    </Table.Row>
  );
}

function commandOf(job: JobView): string {
  return job.hidden ? `job ${job.id}` : `command ${job.command_name ?? job.label}`;
}
