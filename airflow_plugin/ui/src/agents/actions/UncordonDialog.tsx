import { useState } from "react";
import { uncordon } from "../../api/actions";
import { ReasonField } from "../../parts/ReasonField";
import { ActionDialog, type ActionDialogProps } from "./ActionDialog";
import { useBulk } from "./useBulk";
import { whom } from "./words";

export function UncordonDialog({ agents, onClose }: ActionDialogProps) {
  const [reason, setReason] = useState("");
  const action = useBulk({
    agents,
    act: ({ name }) => uncordon(name, reason.trim() || null),
    say: () => `Uncordoned ${whom(agents)}`,
    onClose,
  });
  return (
    <ActionDialog
      {...action}
      verb="Uncordon"
      consequences={[
        "Jobs are offered there again, at once.",
        agents.some((agent) => agent.drain_requested_at !== null)
          ? "Its drain or stop is taken back, as long as the agent has not left."
          : null,
        agents.some((agent) => agent.health_status === "offline" || agent.health_status === "lost")
          ? "An agent that is not there takes work only once it is back."
          : null,
      ]}
    >
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
