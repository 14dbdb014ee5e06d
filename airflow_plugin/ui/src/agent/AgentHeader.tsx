import { Box, Flex, Heading, HStack, Text } from "@chakra-ui/react";
import { AgentActions } from "../agents/AgentActions";
import type { AgentView } from "../api/types";
import { useSearch } from "../app/search";
import { Ago } from "../parts/Ago";
import { Bar } from "../parts/Bar";
import { CordonState } from "../parts/CordonState";
import { HealthBadge } from "../parts/HealthBadge";
import { Tags } from "../parts/Tags";

export interface AgentHeaderProps {
  agent: AgentView;
}

/** Which agent it is, how it is at the moment, and what can be done about it. */
export function AgentHeader({ agent }: AgentHeaderProps) {
  const search = useSearch();
  return (
    <Flex justify="space-between" align="start" gap={4} wrap="wrap">
      <Box minW={0}>
        <HStack gap={3} wrap="wrap">
          <Heading as="h2" size="xl" wordBreak="break-word">
            {agent.name}
          </Heading>
          <HealthBadge agent={agent} />
        </HStack>
        <Text color="fg.muted" fontSize="sm">
          {agent.hostname}
          {agent.address === null ? null : `, ${agent.address}`}, last heard <Ago at={agent.last_seen_at} />
        </Text>
        <HStack gap={4} mt={2} wrap="wrap">
          <Tags label="queues" values={agent.queues} />
          <Box w={40}>
            <Bar used={agent.used_slots} total={agent.slots} label="slots used" />
          </Box>
        </HStack>
        <Box mt={2}>
          <CordonState agent={agent} />
        </Box>
      </Box>
      <AgentActions agents={[agent]} look="buttons" onDeleted={() => search.reset({})} />
    </Flex>
  );
}
