// Which agent ran a task instance, on which host, attempt by attempt.
import { Heading, Stack, Text } from "@chakra-ui/react";
import { useJobs } from "../api/queries";
import { useSearch } from "../app/search";
import { JobDrawer } from "../jobs/JobDrawer";
import { Loading } from "../parts/Loading";
import { Trouble } from "../parts/Trouble";
import { AttemptsTable } from "./AttemptsTable";
import { LatestJob } from "./LatestJob";

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
  const { data, error } = useJobs({
    dag_id: dagId,
    run_id: runId,
    task_id: taskId,
    map_index: mapIndex,
    limit: MOST,
  });
  const opened = search.get("job");
  const latest = data?.jobs[0];
  return (
    <Stack gap={6} p={2}>
      <Trouble error={error} data={data} />
      {data === undefined && error === null ? <Loading /> : null}
      {data?.jobs.length === 0 ? (
        <Text color="fg.muted" py={6} textAlign="center">
          No edge agent has, or had, this task instance. It runs on another executor, has not been queued, or ended so
          long ago that its jobs are not kept any more.
        </Text>
      ) : null}
      {latest === undefined ? null : <LatestJob job={latest} onOpen={() => search.set({ job: latest.id })} />}
      {data === undefined || data.jobs.length === 0 ? null : (
        <section aria-labelledby="attempts">
          <Heading as="h3" id="attempts" size="md" mb={2}>
            Attempts
          </Heading>
          <AttemptsTable jobs={data.jobs} onOpen={(id) => search.set({ job: id })} />
        </section>
      )}
      {opened === "" ? null : <JobDrawer id={opened} key={opened} onClose={() => search.set({ job: null })} />}
    </Stack>
  );
}
