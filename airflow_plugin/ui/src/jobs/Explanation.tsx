import { Text } from "@chakra-ui/react";
import type { JobView } from "../api/types";
import { endingOf } from "./ending";
import { Waiting } from "./Waiting";

/** Below a job's name: why it waits, or how it ended unless that was well. */
export function Explanation({ job }: { job: JobView }) {
  const ending = endingOf(job);
  if (job.waiting !== null) {
    return <Waiting why={job.waiting} />;
  }
  if (job.ended_at === null && job.cancel_requested_at !== null) {
    return (
      <Text fontSize="sm" color="fg.muted">
        being cancelled{job.cancel_reason ? `: ${job.cancel_reason}` : ""}
      </Text>
    );
  }
  if (ending === null || job.state === "succeeded") {
    return null;
  }
  return (
    <Text fontSize="sm" color="fg.muted" lineClamp={2}>
      {[ending, job.message].filter((part) => part !== null && part !== "").join(": ")}
    </Text>
  );
}
