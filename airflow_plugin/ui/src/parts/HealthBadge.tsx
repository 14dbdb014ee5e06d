import { Badge } from "@chakra-ui/react";
import type { AgentView } from "../api/types";
import { HEALTH_LOOKS } from "./healthLooks";

/** How an agent is, as the server judges it; how many heartbeats are missing when some are. */
export function HealthBadge({ agent }: { agent: Pick<AgentView, "health_status" | "missed"> }) {
  const { palette, Icon } = HEALTH_LOOKS[agent.health_status];
  const missed = agent.health_status === "late" ? ` · ${agent.missed} missed` : "";
  return (
    <Badge colorPalette={palette} borderRadius="full" variant="subtle" whiteSpace="nowrap">
      <Icon aria-hidden />
      {agent.health_status}
      {missed}
    </Badge>
  );
}
