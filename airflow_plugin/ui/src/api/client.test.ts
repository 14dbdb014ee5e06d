import { HttpResponse, http } from "msw";
import { afterEach, expect, test } from "vitest";
import { serverNow } from "../app/clock";
import { makeAgentsPage, makeMe } from "../testing/samples";
import { answers, refuses, server } from "../testing/server";
import { airflowPath, answer, api, Refusal } from "./client";

const ask = () => answer(api.GET("/v1/ui/agents", { params: { query: { queue: ["a", "b"], health: ["late"] } } }));

async function refused(): Promise<Refusal> {
  const error = await ask().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Refusal);
  return error as Refusal;
}

afterEach(() => document.querySelector("base")?.remove());

test("a refusal carries the server's sentence", async () => {
  refuses("get", "/agents", "the queue 'x' is not allowed", 409);
  expect(await refused()).toMatchObject({ status: 409, message: "the queue 'x' is not allowed" });
});

test("a refusal of Airflow itself says at least what it was", async () => {
  answers("get", "/agents", { detail: "Forbidden" }, 403);
  expect((await refused()).message).toBe("The server refused this (403: Forbidden).");
});

test("an ended login asks to be renewed", async () => {
  answers("get", "/agents", { detail: "Unauthorized" }, 401);
  expect((await refused()).message).toContain("log in again");
});

test("a server that cannot be reached is told from one that refuses", async () => {
  server.use(http.get("http://airflow.test/edge_agent/v1/ui/agents", () => HttpResponse.error()));
  expect(await refused()).toMatchObject({ status: 0, problem: null });
});

test("several values of a filter are sent one by one", async () => {
  let query = "";
  server.use(
    http.get("http://airflow.test/edge_agent/v1/ui/agents", ({ request }) => {
      query = new URL(request.url).search;
      return HttpResponse.json(makeAgentsPage([]));
    }),
  );
  await ask();
  expect(query).toBe("?queue=a&queue=b&health=late");
});

test("the server's clock is the one that counts", async () => {
  answers("get", "/me", makeMe({ server_time: "2031-01-01T00:00:00Z" }));
  await answer(api.GET("/v1/ui/me"));
  expect(Math.abs(serverNow() - Date.UTC(2031, 0, 1))).toBeLessThan(10_000);
  answers("get", "/me", makeMe());
  await answer(api.GET("/v1/ui/me"));
});

test("paths are below Airflow's own address", () => {
  const base = document.createElement("base");
  base.href = "http://airflow.test/behind/a/path/";
  document.head.append(base);
  expect(airflowPath("edge_agent")).toBe("http://airflow.test/behind/a/path/edge_agent");
});
