// Which agent ran a task instance, on which host, attempt by attempt.

export interface TaskTabProps {
  dagId: string;
  runId: string;
  taskId: string;
  /** -1: not mapped. */
  mapIndex: number;
}

export function TaskTab({ taskId }: TaskTabProps) {
  return <>{taskId}</>;
}
