import { useState } from "react";
import { cordon } from "../../api/actions";
import { ReasonField } from "../../parts/ReasonField";
import { isSpan, type Span, SpanField, seconds } from "../../parts/SpanField";
import { ActionDialog, type ActionDialogProps } from "./ActionDialog";
import { useBulk } from "./useBulk";
import { runningOf, whom } from "./words";

export function CordonDialog({ agents, onClose }: ActionDialogProps) {
  const [reason, setReason] = useState("");
  const [expiry, setExpiry] = useState<Span>({ count: "", unit: "hours" });
  const action = useBulk({
    agents,
    act: ({ name }) => cordon(name, { reason: reason.trim() || null, expires_in_seconds: seconds(expiry) }),
    say: () => `Cordoned ${whom(agents)}`,
    onClose,
  });
  const running = runningOf(agents);
  return (
    <ActionDialog
      {...action}
      verb="Cordon"
      consequences={[
        "Nothing new is offered there. Queued jobs wait, or go to other agents of their queue.",
        running === null ? null : `What runs goes on: ${running}.`,
        agents.some((agent) => agent.cordoned_at !== null)
          ? "The cordon that stands is replaced, with its expiry."
          : null,
        agents.some((agent) => agent.drain_requested_at !== null) ? "A drain that was asked for goes on." : null,
      ]}
      isIncomplete={!isSpan(expiry)}
    >
      <ReasonField value={reason} onChange={setReason} help="Shown beside the agent to everybody who looks." />
      <SpanField
        label="Lift it after"
        help="Empty: it stands until somebody lifts it."
        value={expiry}
        onChange={setExpiry}
      />
    </ActionDialog>
  );
}
