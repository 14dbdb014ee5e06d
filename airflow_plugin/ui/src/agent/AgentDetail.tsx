// Everything about one agent.

export interface AgentDetailProps {
  name: string;
}

export function AgentDetail({ name }: AgentDetailProps) {
  return <>{name}</>;
}
