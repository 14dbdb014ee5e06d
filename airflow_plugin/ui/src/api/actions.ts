// What the page changes. Nothing is shown as done before the server has said so.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "./client";
import { keys } from "./queries";
import type { components } from "./schema";

type Schemas = components["schemas"];

export const cordon = (name: string, body: Schemas["Cordon"]) =>
  answer(api.PUT("/v1/ui/agents/{name}/cordon", { params: { path: { name } }, body }));

export const uncordon = (name: string, reason: string | null) =>
  answer(api.DELETE("/v1/ui/agents/{name}/cordon", { params: { path: { name }, query: { reason } } }));

export const drain = (name: string, body: Schemas["Drain"]) =>
  answer(api.PUT("/v1/ui/agents/{name}/drain", { params: { path: { name } }, body }));

export const stop = (name: string, body: Schemas["Stop"]) =>
  answer(api.PUT("/v1/ui/agents/{name}/stop", { params: { path: { name } }, body }));

export const changeSettings = (name: string, body: Schemas["Settings"]) =>
  answer(api.PUT("/v1/ui/agents/{name}/settings", { params: { path: { name } }, body }));

export const deleteAgent = (name: string, reason: string | null) =>
  answer(api.DELETE("/v1/ui/agents/{name}", { params: { path: { name }, query: { reason } } }));

export const reEnrol = (name: string, body: Schemas["ReEnrolment"]) =>
  answer(api.POST("/v1/ui/agents/{name}/re-enrol", { params: { path: { name } }, body }));

export const dismissConflict = (name: string, reason: string | null) =>
  answer(api.DELETE("/v1/ui/agents/{name}/host-conflict", { params: { path: { name }, query: { reason } } }));

export const cancelJob = (id: string, reason: string) =>
  answer(api.POST("/v1/ui/jobs/{job_id}/cancel", { params: { path: { job_id: id } }, body: { reason } }));

export const createToken = (body: Schemas["NewToken"]) => answer(api.POST("/v1/ui/tokens", { body }));

export const rotateToken = (name: string, body: Schemas["Rotation"]) =>
  answer(api.POST("/v1/ui/tokens/{name}/rotate", { params: { path: { name } }, body }));

export const revokeToken = (name: string, reason: string | null) =>
  answer(api.DELETE("/v1/ui/tokens/{name}", { params: { path: { name }, query: { reason } } }));

/** Run one of the above, then read anew what it may have changed. */
export function useAction<Input, Output>(act: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () =>
      Promise.all([keys.agents, keys.jobs, keys.tokens].map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}
