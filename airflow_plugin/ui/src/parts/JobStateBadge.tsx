import { Badge } from "@chakra-ui/react";
import type { JobView } from "../api/types";

// The colours that Airflow gives the states of a task.
const PALETTES: Record<JobView["state"], string> = {
  queued: "queued",
  offered: "scheduled",
  running: "running",
  succeeded: "success",
  failed: "failed",
  cancelled: "skipped",
};

export function JobStateBadge({ state }: { state: JobView["state"] }) {
  return (
    <Badge colorPalette={PALETTES[state]} borderRadius="full" variant="subtle" whiteSpace="nowrap">
      {state}
    </Badge>
  );
}
