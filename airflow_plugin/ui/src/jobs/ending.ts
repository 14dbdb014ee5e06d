import type { JobView } from "../api/types";

const WORDS: Record<NonNullable<JobView["reason"]>, string> = {
  exit: "ended by itself",
  signal: "ended by a signal",
  timeout: "took longer than allowed",
  agent_lost: "its agent was lost",
  agent_restart: "its agent came back without it",
  queue_timeout: "no agent took it in time",
  rejected: "was not accepted",
  cancelled: "cancelled",
  deleted: "its agent was deleted",
};

/** Say how a job ended; null while it has not. */
export function endingOf(job: Pick<JobView, "reason" | "exit_code" | "signal">): string | null {
  if (job.reason === null) {
    return null;
  }
  if (job.reason === "exit" && job.exit_code !== null) {
    return `exit code ${job.exit_code}`;
  }
  if (job.reason === "signal" && job.signal !== null) {
    return `signal ${job.signal}`;
  }
  return WORDS[job.reason];
}

/** Whether somebody may still want it cancelled. */
export function isOpen(job: Pick<JobView, "state">): boolean {
  return job.state === "queued" || job.state === "offered" || job.state === "running";
}
