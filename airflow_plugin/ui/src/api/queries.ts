// What the page reads. Every hook asks again by itself while its part is on the screen.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { every } from "../app/polling";
import { answer, api } from "./client";
import type { paths } from "./schema";

export type AgentsQuery = NonNullable<paths["/v1/ui/agents"]["get"]["parameters"]["query"]>;
export type JobsQuery = NonNullable<paths["/v1/ui/jobs"]["get"]["parameters"]["query"]>;

const MINUTE = 60_000;

export const keys = {
  agents: ["agents"],
  agent: (name: string) => ["agents", name],
  jobs: ["jobs"],
  job: (id: string) => ["jobs", id],
  me: ["me"],
  tokens: ["tokens"],
} as const;

/** Who looks, and what they may do. Rights change rarely, and the server decides anyway. */
export function useMeQuery() {
  return useQuery({
    queryKey: keys.me,
    queryFn: ({ signal }) => answer(api.GET("/v1/ui/me", { signal })),
    refetchInterval: every(5 * MINUTE),
    staleTime: MINUTE,
  });
}

export function useAgents(query: AgentsQuery) {
  return useQuery({
    queryKey: [...keys.agents, "page", query],
    queryFn: ({ signal }) => answer(api.GET("/v1/ui/agents", { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
}

export function useAgent(name: string) {
  return useQuery({
    queryKey: [...keys.agent(name), "detail"],
    queryFn: ({ signal }) => answer(api.GET("/v1/ui/agents/{name}", { params: { path: { name } }, signal })),
  });
}

export function useAgentHistory(name: string, hours: number) {
  return useQuery({
    queryKey: [...keys.agent(name), "history", hours],
    queryFn: ({ signal }) =>
      answer(api.GET("/v1/ui/agents/{name}/history", { params: { path: { name }, query: { hours } }, signal })),
    // A sample is taken each minute.
    refetchInterval: every(MINUTE / 2),
    placeholderData: keepPreviousData,
  });
}

/** A page of the past at a time, from the newest event back. What has happened stays: it is asked for once. */
export function useAgentEvents(name: string, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ["events", name],
    queryFn: ({ signal, pageParam: before }) =>
      answer(api.GET("/v1/ui/agents/{name}/events", { params: { path: { name }, query: { before } }, signal })),
    initialPageParam: null as number | null,
    getNextPageParam: ({ events, more }) => (more ? (events.at(-1)?.id ?? null) : null),
    enabled,
    refetchInterval: false,
    refetchOnWindowFocus: false,
    gcTime: 0,
  });
}

export function useJobs(query: JobsQuery, options: { enabled?: boolean } = {}) {
  return useQuery({
    queryKey: [...keys.jobs, "page", query],
    queryFn: ({ signal }) => answer(api.GET("/v1/ui/jobs", { params: { query }, signal })),
    placeholderData: keepPreviousData,
    enabled: options.enabled ?? true,
  });
}

export function useJob(id: string) {
  return useQuery({
    queryKey: [...keys.job(id), "detail"],
    queryFn: ({ signal }) => answer(api.GET("/v1/ui/jobs/{job_id}", { params: { path: { job_id: id } }, signal })),
  });
}

export function useTokens(options: { enabled?: boolean } = {}) {
  return useQuery({
    queryKey: keys.tokens,
    queryFn: ({ signal }) => answer(api.GET("/v1/ui/tokens", { signal })),
    enabled: options.enabled ?? true,
  });
}
