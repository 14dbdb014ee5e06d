import { Text } from "@chakra-ui/react";
import { useState } from "react";
import { revokeToken, useAction } from "../api/actions";
import { useAgents, useJobs } from "../api/queries";
import type { TokenView } from "../api/types";
import { ConfirmDialog } from "../parts/ConfirmDialog";
import { notify } from "../parts/Notices";
import { ReasonField } from "../parts/ReasonField";

export interface RevokeDialogProps {
  token: TokenView;
  onClose: () => void;
}

/** Asks before a token and its sessions are ended, and says whose they are. */
export function RevokeDialog({ token, onClose }: RevokeDialogProps) {
  const [reason, setReason] = useState("");
  const revoke = useAction((why: string) => revokeToken(token.name, why || null));
  const confirm = () =>
    revoke.mutate(reason.trim(), {
      onSuccess: ({ ended_sessions: ended }) => {
        notify(
          `Token ${token.name} is revoked`,
          ended === 1 ? "1 session ended with it" : `${ended} sessions ended with it`,
        );
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Revoke token ${token.name}?`}
      confirmLabel="Revoke token"
      isDangerous
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      {token.kind === "submit" ? (
        <>
          <Text mb={2}>
            Nothing can be submitted with it any more, and it never works again. Tasks that wait for a command of it
            fail, and their commands end with them. Commands that nobody waits for go on.
          </Text>
          <OpenCommands token={token.name} />
        </>
      ) : (
        <>
          <Text mb={2}>
            Every session opened with it ends within one heartbeat, and it never works again. After the heartbeats that
            they may miss its agents are lost, and their running jobs fail. To let them end first, drain the agents.
          </Text>
          <Users token={token.name} />
        </>
      )}
      <ReasonField value={reason} onChange={setReason} help="Stands in the audit log." />
    </ConfirmDialog>
  );
}

const NAMED = 5;

/** How much of what was submitted with a token has not ended. */
function OpenCommands({ token }: { token: string }) {
  const { data } = useJobs({ kind: "command", token, state: ["queued", "offered", "running"], limit: 1 });
  if (data === undefined) {
    return null;
  }
  const open = data.total === 1 ? "1 command has" : `${data.total} commands have`;
  return (
    <Text mb={3} fontWeight="medium">
      {data.total === 0 ? "No command of it is open." : `${open} not ended.`}
    </Text>
  );
}

/** Which agents have registered with a token. */
function Users({ token }: { token: string }) {
  const { data } = useAgents({ token, limit: NAMED });
  if (data === undefined) {
    return null;
  }
  const names = data.agents.map((agent) => agent.name).join(", ");
  const others = data.total - data.agents.length;
  return (
    <Text mb={3} fontWeight="medium">
      {data.total === 0
        ? "No agent is registered with it."
        : `Registered with it: ${names}${others > 0 ? ` and ${others} more` : ""}.`}
    </Text>
  );
}
