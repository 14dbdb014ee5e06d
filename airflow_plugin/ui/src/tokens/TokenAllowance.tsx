import { Stack, Text } from "@chakra-ui/react";
import type { TokenView } from "../api/types";

export interface TokenAllowanceProps {
  token: TokenView;
}

/** What a token allows: its queues always, of the rest what is bounded. */
export function TokenAllowance({ token }: TokenAllowanceProps) {
  return (
    <Stack gap={0} fontSize="sm">
      {allowancesOf(token).map((line) => (
        <Text key={line}>{line}</Text>
      ))}
    </Stack>
  );
}

function allowancesOf(token: TokenView): string[] {
  const list = (words: string[]) => words.join(", ") || "none";
  return [
    token.queues === null ? "every queue" : `queues ${list(token.queues)}`,
    ...(token.one_time ? [`${token.enrolled_agent ?? "the first agent"} only`] : []),
    ...(token.agents === null ? [] : [`agents ${list(token.agents)}`]),
    ...(token.max_agents === null
      ? []
      : [`at most ${token.max_agents === 1 ? "1 agent" : `${token.max_agents} agents`}`]),
    ...(token.addresses === null ? [] : [`from ${list(token.addresses)}`]),
    ...(token.connections === null ? [] : [`connections: ${list(token.connections)}`]),
    ...(token.variables === null ? [] : [`variables: ${list(token.variables)}`]),
    ...(token.kind === "submit" ? [`runs as ${token.run_as_users?.join(", ") ?? "the agent's own user"}`] : []),
    ...(token.team_name === null ? [] : [`team ${token.team_name}`]),
  ];
}
