// How agents and their work are spoken of where something is about to happen to them.
import type { AgentView } from "../../api/types";

/** `agent db-07`, or `3 agents`. */
export function whom(agents: readonly AgentView[]): string {
  const [only] = agents;
  return agents.length === 1 && only !== undefined ? `agent ${only.name}` : counted(agents.length, "agent");
}

/** `1 job`, `2 jobs`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** What runs there by now: `2 running jobs`, or none. */
export function runningOf(agents: readonly AgentView[]): string | null {
  const running = sum(agents, (agent) => agent.running);
  return running === 0 ? null : counted(running, "running job");
}

export function sum<Item>(items: readonly Item[], number: (item: Item) => number): number {
  return items.reduce((total, item) => total + number(item), 0);
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function named(agents: readonly AgentView[], most = 5): string {
  const names = agents.slice(0, most).map((agent) => agent.name);
  const more = agents.length - names.length;
  const all = more > 0 ? [...names, `${more} more`] : names;
  const last = all.pop() ?? "";
  return all.length === 0 ? last : `${all.join(", ")} and ${last}`;
}
