import { Alert, List } from "@chakra-ui/react";
import type { ReactNode } from "react";
import type { AgentView } from "../api/types";
import { Ago } from "../parts/Ago";

export interface AgentAlertsProps {
  agent: AgentView;
}

/** What somebody should know of an agent before anything else. Nothing where there is nothing. */
export function AgentAlerts({ agent }: AgentAlertsProps) {
  return (
    <>
      {agent.host_conflicts === 0 ? null : (
        <Note status="error" title="Another host has asked for this name">
          {agent.host_conflict_hostname ?? "A host"}
          {agent.host_conflict_address === null ? null : ` (${agent.host_conflict_address})`} was refused{" "}
          {agent.host_conflicts === 1 ? "once" : `${agent.host_conflicts} times`}
          {agent.host_conflict_at === null ? null : (
            <>
              , last <Ago at={agent.host_conflict_at} />
            </>
          )}
          . Nothing was taken from the agent. If it was you, re-enrol the agent; if it was nobody of yours, rotate its
          token.
        </Note>
      )}
      {agent.re_enrol_until === null ? null : (
        <Note status="info" title="Another host may come for this name">
          The next other host that registers has it. That offer ends <Ago at={agent.re_enrol_until} />.
        </Note>
      )}
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

interface NoteProps {
  status: "info" | "warning" | "error";
  title: string;
  children: ReactNode;
}

function Note({ status, title, children }: NoteProps) {
  return (
    <Alert.Root status={status}>
      <Alert.Indicator />
      <Alert.Content>
        <Alert.Title>{title}</Alert.Title>
        <Alert.Description as="div">{children}</Alert.Description>
      </Alert.Content>
    </Alert.Root>
  );
}
