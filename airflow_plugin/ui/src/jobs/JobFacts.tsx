import type { JobView } from "../api/types";
import { capabilityTags } from "../parts/capabilities";
import { Fact, Facts } from "../parts/Facts";
import { Tags } from "../parts/Tags";
import { When } from "../parts/When";
import { AgentLink } from "./AgentLink";
import { endingOf } from "./ending";
import { Ran, Waited } from "./JobsTable";

/** What is known of a job, apart from its log. */
export function JobFacts({ job }: { job: JobView }) {
  const ending = endingOf(job);
  // That a command takes an agent for commands goes without saying.
  const requires = capabilityTags(job.requires).filter((tag) => !tag.startsWith("kind."));
  return (
    <Facts columns={2}>
      <Fact name="Agent">
        <AgentLink name={job.agent_name} />
      </Fact>
      <Fact name="Queue">{job.queue}</Fact>
      {requires.length === 0 ? null : (
        <Fact name="Requires">
          <Tags label="requirements" values={requires} most={10} />
        </Fact>
      )}
      <Fact name="Kind">
        {job.kind}, {job.slots === 1 ? "1 slot" : `${job.slots} slots`}, runner {job.runner}
      </Fact>
      {job.command_name === null ? null : <Fact name="Command">{job.command_name}</Fact>}
      {job.submitted_by === null ? null : <Fact name="Submitted with">token {job.submitted_by}</Fact>}
      {job.try_number === null ? null : <Fact name="Try">{job.try_number}</Fact>}
      <Fact name="Queued">
        <When at={job.queued_at} />
      </Fact>
      <Fact name="Waited">
        <Waited job={job} />
      </Fact>
      {job.confirmed_at === null ? null : (
        <>
          <Fact name="Started">
            <When at={job.confirmed_at} />
          </Fact>
          <Fact name="Ran">
            <Ran job={job} />
          </Fact>
        </>
      )}
      {job.ended_at === null ? null : (
        <Fact name="Ended">
          <When at={job.ended_at} />
        </Fact>
      )}
      {ending === null ? null : <Fact name="How">{ending}</Fact>}
      {job.message ? <Fact name="Message">{job.message}</Fact> : null}
      {job.cancel_requested_at === null ? null : (
        <Fact name="Cancelled">
          <When at={job.cancel_requested_at} />
          {job.cancel_reason ? `: ${job.cancel_reason}` : null}
        </Fact>
      )}
    </Facts>
  );
}
