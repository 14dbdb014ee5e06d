// The network of a component test, and nothing else of it, is not the real thing.
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import type { Me, Problem } from "../api/types";
import { makeMe } from "./samples";

export const server = setupServer();

const BASE = "http://airflow.test/edge_agent/v1/ui";

/** Answer a path below `/ui` with JSON, until the end of the test. */
export function answers(method: "get" | "put" | "post" | "delete", path: string, body: unknown, status = 200): void {
  const none = status === 204;
  server.use(http[method](BASE + path, () => (none ? new HttpResponse(null, { status }) : respond(body, status))));
}

/** The same, and keep what was asked: the returned list grows with each request. A body may go by what was asked. */
export function records(method: "get" | "put" | "post" | "delete", path: string, body: unknown, status = 200): Asked[] {
  const asked: Asked[] = [];
  server.use(
    http[method](BASE + path, async ({ request }) => {
      const text = await request.text();
      const url = new URL(request.url);
      asked.push({ url, body: text === "" ? null : JSON.parse(text) });
      const said = typeof body === "function" ? body(url) : body;
      return status === 204 ? new HttpResponse(null, { status }) : respond(said, status);
    }),
  );
  return asked;
}

export interface Asked {
  url: URL;
  body: unknown;
}

/** Refuse a path below `/ui` with the server's sentence. */
export function refuses(method: "get" | "put" | "post" | "delete", path: string, message: string, status = 409): void {
  const problem: Problem = { reason: "conflict", message };
  answers(method, path, problem, status);
}

/** Say who looks. */
export function isLookedAtBy(me: Partial<Me> = {}): void {
  answers("get", "/me", makeMe(me));
}

function respond(body: unknown, status: number) {
  return HttpResponse.json(body as Record<string, unknown>, { status });
}
