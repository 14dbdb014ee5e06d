// Which agent ran a task instance, on which host, attempt by attempt; and which commands it had run.
import { Heading, Stack } from "@chakra-ui/react";
import { useJobs } from "../api/queries";
import { useSearch } from "../app/search";
import { JobDrawer } from "../jobs/JobDrawer";
import { Loading } from "../parts/Loading";
import { Trouble } from "../parts/Trouble";
import { AttemptsTable } from "./AttemptsTable";
import { LatestJob } from "./LatestJob";
import { NothingHere } from "./NothingHere";
import { TaskCommands } from "./TaskCommands";

const MOST = 50;

export interface TaskTabProps {
  dagId: string;
  runId: string;
  taskId: string;
  /** -1: not mapped. */
  mapIndex: number;
}

export function TaskTab({ dagId, runId, taskId, mapIndex }: TaskTabProps) {
  const search = useSearch();
  const of = { dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex };
  // Asked for apart, so that a task's many commands do not crowd out its attempts.
  const { data, error } = useJobs({ ...of, kind: "task", limit: MOST });
  const submitted = useJobs({ ...of, kind: "command", limit: MOST });
  const opened = search.get("job");
  const latest = data?.jobs[0];
  return (
    <Stack gap={6} p={2}>
      <Trouble error={error ?? submitted.error} data={data} />
      {data === undefined && error === null ? <Loading /> : null}
      {data?.jobs.length === 0 && submitted.data?.jobs.length === 0 ? <NothingHere /> : null}
      {latest === undefined ? null : <LatestJob job={latest} onOpen={() => search.set({ job: latest.id })} />}
      {data === undefined || data.jobs.length === 0 ? null : (
        <section aria-labelledby="attempts">
          <Heading as="h3" id="attempts" size="md" mb={2}>
            Attempts
          </Heading>
          <AttemptsTable jobs={data.jobs} onOpen={(id) => search.set({ job: id })} />
        </section>
      )}
      {submitted.data === undefined || submitted.data.jobs.length === 0 ? null : (
        <TaskCommands page={submitted.data} of={of} onOpen={(id) => search.set({ job: id })} />
      )}
      {opened === "" ? null : <JobDrawer id={opened} key={opened} onClose={() => search.set({ job: null })} />}
    </Stack>
  );
}
