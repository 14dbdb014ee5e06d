// The jobs of all agents, and why those that wait do.

export function JobsTab() {
  return <>Jobs</>;
}
