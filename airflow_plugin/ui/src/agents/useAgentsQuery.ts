import type { AgentsQuery } from "../api/queries";
import type { HealthStatus } from "../api/types";
import { type Search, useSearch } from "../app/search";

export const HEALTH = ["healthy", "late", "lost", "offline"] as const satisfies readonly HealthStatus[];
const SORTS = ["name", "health", "last_seen", "used", "running", "registered", "version"];
export const SIZES = [25, 50, 100, 200];
const SIZE = 50;

/** What of the address is a filter; the rest of it is order and page. */
export const FILTERS = ["search", "health", "queue", "capability", "cordoned", "token"] as const;

export interface AgentsAsked {
  query: Required<Pick<AgentsQuery, "sort" | "limit" | "offset">> & AgentsQuery;
  isFiltered: boolean;
  search: Search;
}

/** What the address asks of the table, as the server is asked for it. */
export function useAgentsQuery(): AgentsAsked {
  const search = useSearch();
  const health = search.all("health").filter((each): each is HealthStatus => HEALTH.some((known) => known === each));
  const sort = search.get("sort");
  const cordoned = search.get("cordoned");
  const limit = search.number("limit", SIZE);
  const asked = {
    ...given("search", search.get("search")),
    ...given("token", search.get("token")),
    ...given("queue", search.all("queue")),
    ...given("capability", search.all("capability")),
    ...given("health", health),
    ...(cordoned === "yes" || cordoned === "no" ? { cordoned: cordoned === "yes" } : {}),
  };
  return {
    query: {
      ...asked,
      sort: SORTS.includes(sort.replace(/^-/, "")) ? sort : "name",
      limit: SIZES.includes(limit) ? limit : SIZE,
      offset: search.number("offset", 0),
    },
    isFiltered: Object.keys(asked).length > 0,
    search,
  };
}

function given<Name extends string, Value extends string | readonly string[]>(name: Name, value: Value) {
  return value.length === 0 ? {} : ({ [name]: value } as { [key in Name]: Value });
}
