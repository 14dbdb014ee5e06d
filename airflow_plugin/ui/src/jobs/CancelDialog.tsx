import { Text } from "@chakra-ui/react";
import { useState } from "react";
import { cancelJob, useAction } from "../api/actions";
import type { JobView } from "../api/types";
import { ConfirmDialog } from "../parts/ConfirmDialog";
import { notify } from "../parts/Notices";
import { ReasonField } from "../parts/ReasonField";

const REASON = "Cancelled by an admin.";

export interface CancelDialogProps {
  job: JobView;
  onClose: () => void;
}

/** Asks before a job is ended, and why. */
export function CancelDialog({ job, onClose }: CancelDialogProps) {
  const [reason, setReason] = useState("");
  const cancel = useAction((why: string) => cancelJob(job.id, why));
  const confirm = () =>
    cancel.mutate(reason.trim() || REASON, {
      onSuccess: () => {
        notify(job.state === "running" ? "Its agent is told to end the job" : "The job is cancelled");
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title="Cancel this job?"
      confirmLabel="Cancel job"
      isDangerous
      isBusy={cancel.isPending}
      error={cancel.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <Text mb={3}>{consequenceOf(job)}</Text>
      <ReasonField
        value={reason}
        onChange={setReason}
        help={`For the people who read how it ended. Without one: "${REASON}"`}
      />
    </ConfirmDialog>
  );
}

function consequenceOf(job: JobView): string {
  const retried = job.kind === "task" ? " Airflow retries its task if that has retries left." : "";
  return job.state === "running"
    ? `${job.agent_name ?? "Its agent"} ends what runs of ${job.label}, and reports it as cancelled.${retried}`
    : `${job.label} leaves the queue before anything of it has started.${retried}`;
}
