// No agent yet: how the first one is installed.
import type { AgentView } from "../api/types";

export interface EmptyStateProps {
  /** Those that have come meanwhile, as the table's question goes on. */
  agents: AgentView[];
  /** To the table. This part stays until then, so that its command does not vanish as the agent comes. */
  onDone: () => void;
}

export function EmptyState(_: EmptyStateProps) {
  return <>No agents yet</>;
}
