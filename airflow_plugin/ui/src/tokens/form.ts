// A token as it is being filled in, before it is what the server is asked for.
import type { NewToken } from "../api/types";
import { wordsIn } from "./words";

/** Of connections or variables: all, none, or those that match. */
export type Reach = "all" | "none" | "some";

export interface TokenForm {
  name: string;
  kind: NewToken["kind"];
  queues: string;
  neverExpires: boolean;
  days: string;
  description: string;
  agents: string;
  maxAgents: string;
  oneTime: boolean;
  addresses: string;
  connections: Reach;
  connectionPatterns: string;
  variables: Reach;
  variablePatterns: string;
  runAsUsers: string;
  team: string;
}

export const BLANK: TokenForm = {
  name: "",
  kind: "agent",
  queues: "",
  neverExpires: false,
  days: "90",
  description: "",
  agents: "",
  maxAgents: "",
  oneTime: false,
  addresses: "",
  connections: "all",
  connectionPatterns: "",
  variables: "all",
  variablePatterns: "",
  runAsUsers: "",
  team: "",
};

/** Whether there is enough to ask the server. Whether it makes sense, the server says. */
export function isComplete(form: TokenForm): boolean {
  return form.name.trim() !== "" && (form.neverExpires || Number(form.days) > 0);
}

/** Return what to ask the server for. What belongs to the other kind of token is left out. */
export function tokenOf(form: TokenForm): NewToken {
  const isAgent = form.kind === "agent";
  return {
    name: form.name.trim(),
    kind: form.kind,
    description: form.description.trim() || null,
    queues: wordsIn(form.queues),
    addresses: wordsIn(form.addresses),
    team_name: form.team.trim() || null,
    expires_in_days: form.neverExpires ? null : Number(form.days),
    agents: isAgent ? wordsIn(form.agents) : null,
    max_agents: isAgent && form.maxAgents !== "" ? Number(form.maxAgents) : null,
    one_time: isAgent && form.oneTime,
    connections: isAgent ? patternsOf(form.connections, form.connectionPatterns) : null,
    variables: isAgent ? patternsOf(form.variables, form.variablePatterns) : null,
    run_as_users: isAgent ? null : wordsIn(form.runAsUsers),
  };
}

function patternsOf(reach: Reach, patterns: string): string[] | null {
  return reach === "all" ? null : reach === "none" ? [] : (wordsIn(patterns) ?? []);
}
