import { Badge, Stack, Text, Tooltip } from "@chakra-ui/react";
import { LuTriangleAlert } from "react-icons/lu";
import type { AgentView } from "../api/types";

/** What runs on a host, and what of it does not go with this Airflow. */
export function VersionList({ agent }: { agent: Pick<AgentView, "versions" | "protocol_version" | "skew"> }) {
  const { agent: own, airflow } = agent.versions;
  return (
    <Stack gap={0.5} alignItems="flex-start" fontSize="sm" whiteSpace="nowrap">
      <Text>agent {own === undefined ? "unknown" : String(own)}</Text>
      <Text fontSize="xs" color="fg.muted" whiteSpace="normal">
        {airflow === undefined || airflow === null ? null : `Airflow ${String(airflow)}, `}
        protocol {agent.protocol_version}
      </Text>
      {agent.skew.length === 0 ? null : (
        <Tooltip.Root openDelay={200} closeDelay={100}>
          <Tooltip.Trigger asChild>
            <Badge colorPalette="warning" borderRadius="full" asChild>
              <button type="button" aria-label={`Differs: ${agent.skew.join("; ")}`}>
                <LuTriangleAlert aria-hidden />
                differs
              </button>
            </Badge>
          </Tooltip.Trigger>
          <Tooltip.Positioner>
            <Tooltip.Content whiteSpace="pre-line">{agent.skew.join("\n")}</Tooltip.Content>
          </Tooltip.Positioner>
        </Tooltip.Root>
      )}
    </Stack>
  );
}
