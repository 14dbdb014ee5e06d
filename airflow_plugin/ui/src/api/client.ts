// The one way to the server: paths below Airflow's own address, refusals as errors with the server's sentence.
import createClient from "openapi-fetch";
import { learnServerTime } from "../app/clock";
import type { paths } from "./schema";
import type { Problem } from "./types";

/** Where Airflow's page says that it lives; it may be behind a sub-path. */
export function airflowPath(path: string): string {
  return new URL(path, document.baseURI).href;
}

export const api = createClient<paths>({
  baseUrl: airflowPath("edge_agent").replace(/\/$/, ""),
  fetch: (request) => globalThis.fetch(request),
});

/** What the server did not do, in its own words. `status` 0: nobody answered. */
export class Refusal extends Error {
  readonly status: number;
  readonly problem: Problem | null;

  constructor(status: number, message: string, problem: Problem | null = null) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.problem = problem;
  }
}

interface Exchange<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Wait for an answer. Throws a `Refusal`, whatever went wrong. */
export async function answer<T>(exchange: Promise<Exchange<T>>): Promise<T> {
  let done: Exchange<T>;
  try {
    done = await exchange;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(0, `Airflow does not answer (${why}).`);
  }
  if (!done.response.ok) {
    throw refusal(done.response, done.error);
  }
  const data = done.data as T;
  if (typeof data === "object" && data !== null && "server_time" in data && typeof data.server_time === "string") {
    learnServerTime(data.server_time);
  }
  return data;
}

function refusal(response: Response, body: unknown): Refusal {
  if (response.status === 401) {
    return new Refusal(401, "Your login has ended. Reload the page to log in again.");
  }
  if (isProblem(body)) {
    return new Refusal(response.status, body.message, body);
  }
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
  const why = typeof detail === "string" ? detail : response.statusText || "no reason given";
  return new Refusal(response.status, `The server refused this (${response.status}: ${why}).`);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "message" in body && typeof body.message === "string";
}
