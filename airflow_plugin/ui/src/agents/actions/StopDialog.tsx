import { useState } from "react";
import { stop } from "../../api/actions";
import { ReasonField } from "../../parts/ReasonField";
import { isSpan, type Span, SpanField, seconds } from "../../parts/SpanField";
import { ActionDialog, type ActionDialogProps } from "./ActionDialog";
import { useBulk } from "./useBulk";
import { runningOf, whom } from "./words";

export function StopDialog({ agents, onClose }: ActionDialogProps) {
  const [reason, setReason] = useState("");
  const [grace, setGrace] = useState<Span>({ count: "30", unit: "seconds" });
  const action = useBulk({
    agents,
    act: ({ name }) => stop(name, { reason: reason.trim() || null, grace_seconds: seconds(grace) ?? 0 }),
    say: () => `Stopping ${whom(agents)}`,
    onClose,
  });
  const running = runningOf(agents);
  return (
    <ActionDialog
      {...action}
      verb="Stop"
      consequences={[
        "Nothing new is offered there.",
        running === null
          ? "Nothing runs there by now."
          : `What runs is ended after the grace, and fails: ${running}. Airflow retries tasks that have retries left.`,
        "The agent ends and stays cordoned. It is started again on its host.",
      ]}
      isIncomplete={!isSpan(grace)}
      isDangerous
    >
      <SpanField
        label="Grace"
        help="So long what runs may still end by itself. Empty: none."
        value={grace}
        onChange={setGrace}
      />
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
