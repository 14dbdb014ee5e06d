// The table of all agents.

export function AgentsTab() {
  return <>Agents</>;
}
