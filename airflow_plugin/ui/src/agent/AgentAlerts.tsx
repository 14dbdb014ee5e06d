import { List } from "@chakra-ui/react";
import type { AgentView } from "../api/types";
import { Note } from "../parts/Note";
import { HostConflict } from "./HostConflict";

export interface AgentAlertsProps {
  agent: AgentView;
}

/** What somebody should know of an agent before anything else. Nothing where there is nothing. */
export function AgentAlerts({ agent }: AgentAlertsProps) {
  return (
    <>
      <HostConflict agent={agent} />
      {agent.skew.length === 0 ? null : (
        <Note status="warning" title="It differs from this Airflow">
          <List.Root ps={4}>
            {agent.skew.map((sentence) => (
              <List.Item key={sentence}>{sentence}</List.Item>
            ))}
          </List.Root>
        </Note>
      )}
    </>
  );
}
