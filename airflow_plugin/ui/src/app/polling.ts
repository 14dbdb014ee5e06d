// How often the page asks, and when it leaves the server alone.
import { type Query, QueryClient } from "@tanstack/react-query";

export const INTERVAL = 5_000;
const LONGEST = 60_000;

type Asked = Pick<Query<unknown, Error>, "state">;

/** For `refetchInterval`: doubled with each failure in a row, up to a minute. A hidden tab asks nothing. */
export function every(interval: number) {
  const mostly = Math.max(LONGEST, interval);
  // biome-ignore lint/suspicious/noExplicitAny: what is asked for, and by which key, does not matter here.
  return (query: Query<any, Error, any, any>): number => Math.min(interval * 2 ** failuresInARow(query), mostly);
}

/** One for the whole page: what it knows outlives a remount. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // The next round is the retry. Fresh for a moment: two parts that ask for the same ask once.
      queries: { retry: false, staleTime: 1_000, refetchInterval: every(INTERVAL), networkMode: "always" },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

/** How many failures each had when it last went well. What is counted in the state itself starts anew each round. */
const before = new WeakMap<object, number>();

function failuresInARow(query: Asked): number {
  const { fetchStatus, error, errorUpdateCount } = query.state;
  if (fetchStatus === "idle" && error === null) {
    before.set(query, errorUpdateCount);
  }
  return errorUpdateCount - (before.get(query) ?? 0);
}
