// What the list of jobs is narrowed down to, as it stands in the address of the page.
import type { JobsQuery } from "../api/queries";
import type { Search } from "../app/search";

export const PAGE = 50;

/** What the buttons above the list choose between; "" is all of them. */
export const STATES = ["", "queued", "offered", "running", "ended"] as const;
export type StateChoice = (typeof STATES)[number];

/** Filters that a link brings, and that can be taken away; the name is that of the search param. */
export const PINS = { dag_id: "Dag", run_id: "run", task_id: "task", map_index: "map index", token: "token" } as const;

/** Return the server's question for what the address says. Nonsense in it is left out. */
export function queryOf(search: Search): JobsQuery {
  const query: Record<string, unknown> = { limit: PAGE, offset: search.number("offset", 0) };
  const state = stateOf(search);
  if (state !== "") {
    query.state = [state];
  }
  const kind = search.get("kind");
  if (kind === "task" || kind === "command") {
    query.kind = kind;
  }
  for (const [param, name] of Object.entries(TEXTS)) {
    const value = search.get(param);
    if (value !== "") {
      query[name] = value;
    }
  }
  if (search.get("map_index") !== "") {
    query.map_index = search.number("map_index", -1);
  }
  return query as JobsQuery;
}

export function stateOf(search: Search): StateChoice {
  return STATES.find((state) => state === search.get("state")) ?? "";
}

/** Whether fewer than all jobs are asked for, whatever is asked for by that one filter. */
export function isNarrowed(search: Search, except = ""): boolean {
  return FILTERS.some((name) => name !== except && search.get(name) !== "");
}

/** `agent` is the page's own param for one agent's page; here it is `on`. */
const TEXTS = {
  q: "search",
  queue: "queue",
  on: "agent",
  dag_id: "dag_id",
  run_id: "run_id",
  task_id: "task_id",
  token: "token",
} as const;

export const FILTERS = ["state", "kind", "map_index", ...Object.keys(TEXTS)];
