import { expect, test } from "vitest";
import { BLANK, isComplete, tokenOf } from "./form";

test("what is left empty bounds nothing", () => {
  expect(tokenOf({ ...BLANK, name: " db-07 " })).toEqual({
    name: "db-07",
    kind: "agent",
    description: null,
    queues: null,
    addresses: null,
    team_name: null,
    expires_in_days: 90,
    agents: null,
    max_agents: null,
    one_time: false,
    connections: null,
    variables: null,
    run_as_users: null,
  });
});

test("none of the connections is not the same as any", () => {
  const token = tokenOf({ ...BLANK, name: "a", connections: "none", variables: "some", variablePatterns: "x_*, y" });
  expect(token.connections).toEqual([]);
  expect(token.variables).toEqual(["x_*", "y"]);
});

test("what belongs to the other kind of token is left out", () => {
  const filled = { ...BLANK, name: "a", agents: "db-*", maxAgents: "2", oneTime: true, runAsUsers: "etl" };
  expect(tokenOf(filled)).toMatchObject({ agents: ["db-*"], max_agents: 2, one_time: true, run_as_users: null });
  expect(tokenOf({ ...filled, kind: "submit", connections: "none" })).toMatchObject({
    agents: null,
    max_agents: null,
    one_time: false,
    connections: null,
    run_as_users: ["etl"],
  });
});

test("a name is needed, and a lifetime or that there is none", () => {
  expect(isComplete(BLANK)).toBe(false);
  expect(isComplete({ ...BLANK, name: "a" })).toBe(true);
  expect(isComplete({ ...BLANK, name: "a", days: "" })).toBe(false);
  expect(isComplete({ ...BLANK, name: "a", days: "", neverExpires: true })).toBe(true);
});
