import { HStack, Spinner, Text } from "@chakra-ui/react";
import type { AgentView } from "../api/types";
import { AgentLink } from "../jobs/AgentLink";
import { Ago } from "../parts/Ago";
import { HealthBadge } from "../parts/HealthBadge";

export interface ArrivalProps {
  name: string;
  /** undefined: it has not registered yet. */
  agent: AgentView | undefined;
}

/** Whether an agent that is being installed has come, as it happens. */
export function Arrival({ name, agent }: ArrivalProps) {
  return (
    <HStack gap={2} role="status" minH={8} wrap="wrap">
      {agent === undefined ? (
        <>
          <Spinner size="sm" aria-hidden />
          <Text>Waiting for {name} to register …</Text>
        </>
      ) : (
        <>
          <HealthBadge agent={agent} />
          <Text>
            <AgentLink name={name} /> on {agent.hostname}, registered <Ago at={agent.registered_at} />
          </Text>
        </>
      )}
    </HStack>
  );
}
