import { Code, Field, Input } from "@chakra-ui/react";
import { useState } from "react";
import { deleteAgent } from "../../api/actions";
import type { AgentView } from "../../api/types";
import { ReasonField } from "../../parts/ReasonField";
import { ActionDialog, type ActionDialogProps } from "./ActionDialog";
import { useBulk } from "./useBulk";
import { counted, runningOf, sum, whom } from "./words";

export interface DeleteDialogProps extends ActionDialogProps {
  onDeleted?: (() => void) | undefined;
}

export function DeleteDialog({ agents, onClose, onDeleted }: DeleteDialogProps) {
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const action = useBulk({
    agents,
    act: ({ name }) => deleteAgent(name, reason.trim() || null),
    say: (outputs) => {
      const failed = sum(outputs, (each) => each.failed);
      const returned = sum(outputs, (each) => each.returned);
      return `Deleted ${whom(agents)}: ${counted(failed, "job")} failed, ${returned} went back to the queue`;
    },
    onClose: () => {
      onClose();
      onDeleted?.();
    },
  });
  const wanted = toType(agents);
  return (
    <ActionDialog
      {...action}
      onClose={onClose}
      verb="Delete"
      consequences={consequences(agents)}
      isIncomplete={typed.trim() !== wanted}
      isDangerous
    >
      <Field.Root required>
        <Field.Label>
          Type <Code>{wanted}</Code> to confirm
        </Field.Label>
        <Input autoComplete="off" spellCheck={false} value={typed} onChange={(event) => setTyped(event.target.value)} />
      </Field.Root>
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

function toType(agents: AgentView[]): string {
  const [only] = agents;
  return agents.length === 1 && only !== undefined ? only.name : counted(agents.length, "agent");
}

function consequences(agents: AgentView[]): (string | null)[] {
  const running = runningOf(agents);
  const offered = sum(agents, (agent) => agent.offered);
  return [
    running === null
      ? "No job runs there by now; one that starts meanwhile fails."
      : `What runs there fails at once: ${running}. Airflow retries tasks that have retries left.`,
    offered === 0 ? null : `What was only offered there goes back to the queue: ${counted(offered, "job")}.`,
    "A cordon, and what was set here of slots and queues, is forgotten.",
    "A process that still runs registers anew and is told to end what was taken from it. To keep it out, revoke its token first.",
  ];
}
