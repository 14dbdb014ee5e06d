// How often the page asks, and when it leaves the server alone.
import { QueryClient } from "@tanstack/react-query";

export const INTERVAL = 5_000;
const LONGEST = 60_000;

/** For `refetchInterval`: doubled with each failure in a row, up to a minute. A hidden tab asks nothing. */
export function every(interval: number) {
  return (query: { state: { fetchFailureCount: number } }): number =>
    Math.min(interval * 2 ** Math.min(query.state.fetchFailureCount, 10), Math.max(LONGEST, interval));
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
