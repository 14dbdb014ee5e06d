import { Box, Button, Flex, HStack, Text } from "@chakra-ui/react";
import { useAgent } from "../api/queries";
import type { JobView } from "../api/types";
import { AgentLink } from "../jobs/AgentLink";
import { endingOf } from "../jobs/ending";
import { Ran } from "../jobs/JobsTable";
import { Waiting } from "../jobs/Waiting";
import { HealthBadge } from "../parts/HealthBadge";
import { JobStateBadge } from "../parts/JobStateBadge";
import { Lasting } from "../parts/Lasting";

export interface LatestJobProps {
  job: JobView;
  onOpen: () => void;
}

/** Where a task instance is, or was last: the answer that most people come for. */
export function LatestJob({ job, onOpen }: LatestJobProps) {
  return (
    <Flex borderWidth={1} borderColor="border" borderRadius="md" p={4} gap={4} justify="space-between" wrap="wrap">
      <Box minW={0}>
        <HStack gap={3} wrap="wrap" mb={1}>
          <JobStateBadge state={job.state} />
          <Text fontSize="lg">
            <Sentence job={job} />
          </Text>
        </HStack>
        {job.agent_name === null ? null : <Host agent={job.agent_name} hostname={job.hostname} />}
        {job.waiting === null ? null : <Waiting why={job.waiting} />}
        {job.message ? <Text fontSize="sm">{job.message}</Text> : null}
      </Box>
      <Button size="sm" variant="outline" onClick={onOpen}>
        Details and log
      </Button>
    </Flex>
  );
}

function Sentence({ job }: { job: JobView }) {
  switch (job.state) {
    case "queued":
      return (
        <>
          Waits in queue {job.queue} for <Lasting from={job.queued_at} until={null} />
        </>
      );
    case "offered":
      return (
        <>
          Offered to <AgentLink name={job.agent_name} />
        </>
      );
    case "running":
      return (
        <>
          Runs on <AgentLink name={job.agent_name} /> for <Ran job={job} />
        </>
      );
    default:
      return job.agent_name === null ? (
        <>Ran nowhere: {endingOf(job)}</>
      ) : (
        <>
          Ran on <AgentLink name={job.agent_name} />: {endingOf(job)}
        </>
      );
  }
}

/** The host that it was let start on, and how its agent is now: that may have been deleted, or moved, since. */
function Host({ agent: name, hostname }: { agent: string; hostname: string | null }) {
  const { data, error } = useAgent(name);
  return (
    <HStack gap={2} fontSize="sm" color="fg.muted" wrap="wrap">
      {hostname === null ? null : <Text>on host {hostname}</Text>}
      {data === undefined ? null : <HealthBadge agent={data.agent} />}
      {data === undefined && error !== null ? <Text>This agent is not there any more.</Text> : null}
    </HStack>
  );
}
