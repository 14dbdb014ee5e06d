import { Badge } from "@chakra-ui/react";
import { LuCircleCheck, LuCircleOff, LuCircleX, LuClock3 } from "react-icons/lu";
import type { AgentView, HealthStatus } from "../api/types";

const LOOKS: Record<HealthStatus, { palette: string; Icon: typeof LuClock3 }> = {
  healthy: { palette: "success", Icon: LuCircleCheck },
  late: { palette: "warning", Icon: LuClock3 },
  lost: { palette: "failed", Icon: LuCircleX },
  offline: { palette: "gray", Icon: LuCircleOff },
};

/** How an agent is, as the server judges it; how many heartbeats are missing when some are. */
export function HealthBadge({ agent }: { agent: Pick<AgentView, "health_status" | "missed"> }) {
  const { palette, Icon } = LOOKS[agent.health_status];
  const missed = agent.health_status === "late" ? ` · ${agent.missed} missed` : "";
  return (
    <Badge colorPalette={palette} borderRadius="full" variant="subtle" whiteSpace="nowrap">
      <Icon aria-hidden />
      {agent.health_status}
      {missed}
    </Badge>
  );
}
