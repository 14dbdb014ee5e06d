import { useState } from "react";
import { drain } from "../../api/actions";
import { ReasonField } from "../../parts/ReasonField";
import { isSpan, type Span, SpanField, seconds } from "../../parts/SpanField";
import { ActionDialog, type ActionDialogProps } from "./ActionDialog";
import { useBulk } from "./useBulk";
import { runningOf, whom } from "./words";

export function DrainDialog({ agents, onClose }: ActionDialogProps) {
  const [reason, setReason] = useState("");
  const [deadline, setDeadline] = useState<Span>({ count: "", unit: "minutes" });
  const action = useBulk({
    agents,
    act: ({ name }) => drain(name, { reason: reason.trim() || null, deadline_seconds: seconds(deadline) }),
    say: () => `Draining ${whom(agents)}`,
    onClose,
  });
  const running = runningOf(agents);
  return (
    <ActionDialog
      {...action}
      verb="Drain"
      consequences={[
        "Nothing new is offered there.",
        running === null
          ? "Nothing runs there: the agent ends at once."
          : `The agent ends when its work is done: ${running}.`,
        "It stays cordoned, and is started again on its host.",
      ]}
      isIncomplete={!isSpan(deadline)}
    >
      <SpanField
        label="Deadline"
        help="Then the agent ends anyway; what still runs lives on and waits for its next start. Empty: it waits for ever."
        value={deadline}
        onChange={setDeadline}
      />
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
