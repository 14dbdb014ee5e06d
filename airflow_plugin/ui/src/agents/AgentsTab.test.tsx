import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { show } from "../testing/render";
import { makeAgent, makeAgentsPage } from "../testing/samples";
import { answers, isLookedAtBy, records, refuses } from "../testing/server";
import { AgentsTab } from "./AgentsTab";

async function rowOf(name: string): Promise<HTMLElement> {
  const row = (await screen.findByRole("link", { name })).closest("tr");
  expect(row).not.toBeNull();
  return row as HTMLElement;
}

beforeEach(() => isLookedAtBy());

test("a row says everything about its agent", async () => {
  const agent = makeAgent({
    name: "db-07",
    hostname: "db07.lan",
    address: "10.1.2.3",
    health_status: "late",
    missed: 2,
    last_seen_at: new Date(Date.now() - 125_000).toISOString(),
    queues: ["onprem", "gpu"],
    capabilities: { gpu: "a100", tmux: true },
    slots: 8,
    used_slots: 3,
    running: 2,
    offered: 1,
    versions: { agent: "0.0.9", airflow: "3.3.1" },
    protocol_version: 1,
    skew: ["agent 0.0.9, this Airflow has 0.1.0"],
    token_name: "berlin",
  });
  answers("get", "/agents", makeAgentsPage([agent]));
  show(<AgentsTab />);
  const row = within(await rowOf("db-07"));
  for (const text of ["db07.lan", "10.1.2.3", /late · 2 missed/, "onprem", "gpu", "gpu=a100", "tmux", "+1 offered"]) {
    expect(row.getByText(text)).toBeVisible();
  }
  for (const text of ["agent 0.0.9", "Airflow 3.3.1, protocol 1", "berlin"]) {
    expect(row.getByText(text)).toBeVisible();
  }
  expect(row.getByText(/^2 min .* ago$/)).toBeVisible();
  expect(row.getByRole("meter", { name: "slots used" })).toHaveAttribute("aria-valuetext", "3 of 8 slots used");
  expect(row.getByLabelText("Differs: agent 0.0.9, this Airflow has 0.1.0")).toBeVisible();
  expect(row.getByRole("link", { name: "db-07" })).toHaveAttribute("href", expect.stringContaining("?agent=db-07"));
});

test("a cordon is shown with its reason, who did it, and until when", async () => {
  const agent = makeAgent({
    cordoned_at: new Date(Date.now() - 60_000).toISOString(),
    cordoned_by: "olga",
    cordon_reason: "disk swap",
    cordon_expires_at: new Date(Date.now() + 7_200_000).toISOString(),
  });
  answers("get", "/agents", makeAgentsPage([agent]));
  show(<AgentsTab />);
  const row = await rowOf(agent.name);
  expect(row).toHaveTextContent(/cordoned\s*disk swap\s*by olga, .* ago, lifted in (2 h|1 h 59 min)/);
});

test.each([
  [{ drain_requested_at: "2026-03-01T12:00:00Z" }, "draining"],
  [{ drain_requested_at: "2026-03-01T12:00:00Z", stops_at: "2026-03-01T12:00:30Z" }, "stopping"],
])("an agent that leaves says so: %j", async (facts, word) => {
  answers("get", "/agents", makeAgentsPage([makeAgent({ cordoned_at: "2026-03-01T12:00:00Z", ...facts })]));
  show(<AgentsTab />);
  expect(await screen.findByText(word)).toBeVisible();
});

test("the address says what is asked for, and asks the server for it", async () => {
  const asked = records("get", "/agents", makeAgentsPage([makeAgent()]));
  show(<AgentsTab />, {
    at: "/?search=db&queue=a&queue=b&capability=gpu&health=late&health=nonsense&cordoned=no&sort=-used&limit=25&offset=50",
  });
  await screen.findByRole("table");
  expect(asked[0]?.url.search).toBe(
    "?search=db&queue=a&queue=b&capability=gpu&health=late&cordoned=false&sort=-used&limit=25&offset=50",
  );
});

test("searching, filtering and sorting change the address, and begin at the first page", async () => {
  answers("get", "/agents", makeAgentsPage([makeAgent()], { total: 200, all: 200 }));
  const { user, search } = show(<AgentsTab />, { at: "/?offset=50" });
  await user.type(await screen.findByRole("searchbox", { name: /Search/ }), "db");
  await waitFor(() => expect(search().get("search")).toBe("db"));
  expect(search().has("offset")).toBe(false);
  await user.click(screen.getByRole("button", { name: "0 lost" }));
  expect(search().getAll("health")).toEqual(["lost"]);
  await user.click(screen.getByRole("button", { name: "Slots" }));
  expect(search().get("sort")).toBe("used");
  expect(await screen.findByRole("columnheader", { name: "Slots" })).toHaveAttribute("aria-sort", "ascending");
  await user.click(screen.getByRole("button", { name: "Slots" }));
  expect(search().get("sort")).toBe("-used");
  await user.click(screen.getByRole("button", { name: "Clear filters" }));
  expect([search().get("search"), search().get("health"), search().get("sort")]).toEqual([null, null, "-used"]);
});

test("it goes from page to page", async () => {
  answers("get", "/agents", makeAgentsPage([makeAgent()], { total: 120, all: 120 }));
  const { user, search } = show(<AgentsTab />);
  await user.click(await screen.findByRole("button", { name: "Next page" }));
  expect(search().get("offset")).toBe("50");
  expect(await screen.findByText("51–100 of 120")).toBeVisible();
});

test("when no agent is like that, it says so and keeps the filters", async () => {
  answers("get", "/agents", makeAgentsPage([], { all: 3 }));
  show(<AgentsTab />, { at: "/?search=nobody" });
  expect(await screen.findByText("No agent is like that.")).toBeVisible();
  expect(screen.getByRole("heading", { name: "0 of 3 agents" })).toBeVisible();
  expect(screen.getByRole("button", { name: "Clear filters" })).toBeVisible();
});

test("a server that refuses is quoted", async () => {
  refuses("get", "/agents", "the database is away", 503);
  show(<AgentsTab />);
  expect(await screen.findByText("the database is away")).toBeVisible();
});

test("whoever may only look finds nothing to change", async () => {
  isLookedAtBy({ may_steer: false, may_grant: false });
  answers("get", "/agents", makeAgentsPage([makeAgent()]));
  show(<AgentsTab />);
  await screen.findByRole("table");
  expect(screen.queryByRole("checkbox")).toBeNull();
  expect(screen.queryByRole("button", { name: /Actions on/ })).toBeNull();
});
