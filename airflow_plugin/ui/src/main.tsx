// What Airflow's shell loads and renders: the page, or the tab of a task instance when it says which.
import { Page } from "./app/Page";
import { Providers } from "./app/Providers";
import { TaskTab } from "./task/TaskTab";

interface Props {
  dagId?: string;
  runId?: string;
  taskId?: string;
  mapIndex?: string;
}

export default function EdgeAgents({ dagId, runId, taskId, mapIndex }: Props) {
  const isTask = dagId !== undefined && runId !== undefined && taskId !== undefined;
  return (
    <Providers>
      {isTask ? <TaskTab dagId={dagId} runId={runId} taskId={taskId} mapIndex={Number(mapIndex ?? -1)} /> : <Page />}
    </Providers>
  );
}
