import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { Asking } from "../agents/actions/Asking";
import type { AgentView, EventView, JobView, Sample } from "../api/types";
import { makeEvent, makeHistory, makeSample } from "../testing/history";
import { show } from "../testing/render";
import { makeAgent, makeCommand, makeJob } from "../testing/samples";
import { isLookedAtBy, records, refuses } from "../testing/server";
import { AgentDetail } from "./AgentDetail";

const OLD = makeEvent({ id: 0, text: "Cordoned long ago." });
const OLDER = makeEvent({ id: -1, text: "Registered long before." });

interface Facts {
  agent?: Partial<AgentView>;
  samples?: Sample[];
  events?: EventView[];
  jobs?: JobView[];
}

function showAgent({ agent = {}, samples = [makeSample(0)], events = [makeEvent()], jobs = [] }: Facts = {}) {
  const now = new Date().toISOString();
  const detail = { agent: makeAgent(agent), jobs, events: { events, more: true }, server_time: now };
  const asked = records("get", "/agents/site-a-1", detail);
  const history = records("get", "/agents/site-a-1/history", makeHistory(samples));
  const earlier = records("get", "/agents/site-a-1/events", ({ searchParams }: URL) =>
    searchParams.has("before") ? { events: [OLDER], more: false } : { events: [...events, OLD], more: true },
  );
  const part = (
    <Asking>
      <AgentDetail name="site-a-1" />
    </Asking>
  );
  return { ...show(part, { at: "/plugin/edge-agents?agent=site-a-1" }), history, earlier, asked };
}

beforeEach(() => localStorage.setItem("timezone", JSON.stringify("UTC")));

describe("jobs", () => {
  test("its commands stand apart from its tasks", async () => {
    isLookedAtBy();
    showAgent({ jobs: [makeCommand(), makeJob()] });
    const commands = await screen.findByRole("region", { name: "Commands" });
    expect(within(commands).getAllByRole("row")).toHaveLength(2);
    expect(commands).toHaveTextContent("load-orders");
    expect(within(commands).queryByText("nightly.load")).not.toBeInTheDocument();
    expect(screen.getByRole("link", { name: "nightly.load" })).toBeVisible();
  });

  test("an agent that has had no job says so", async () => {
    isLookedAtBy();
    showAgent();
    expect(await screen.findByText("It has had no job that is still kept.")).toBeVisible();
    expect(screen.queryByRole("region", { name: "Commands" })).not.toBeInTheDocument();
  });
});

describe("history", () => {
  test("what was missed when stands in words below the strip", async () => {
    isLookedAtBy();
    showAgent({ samples: [makeSample(2, { heard: 0, state: "lost" }), makeSample(1, { heard: 2 }), makeSample(0)] });
    expect(await screen.findByText("11:57 to 11:58: lost, 6 of 6 heartbeats missed")).toBeVisible();
    expect(screen.getByText("11:58 to 11:59: 4 of 6 heartbeats missed")).toBeVisible();
    expect(screen.getByRole("img", { name: /^Heartbeats from .*: 2 times/ })).toBeVisible();
  });

  test("each plot says its numbers to those who do not see it", async () => {
    isLookedAtBy();
    showAgent({ samples: [makeSample(1, { used_slots: 7, load_1m: 3 }), makeSample(0)] });
    expect(
      await screen.findByRole("img", { name: "Slots used: latest 2 of 8, lowest 2, highest 7" }),
    ).toBeInTheDocument();
    expect(
      screen.getByRole("img", { name: "Load (1 min): latest 0.50, lowest 0.50, highest 3.00" }),
    ).toBeInTheDocument();
    expect(screen.getByRole("img", { name: /Memory used: latest 25 %/ })).toBeInTheDocument();
    expect(screen.getByRole("img", { name: /Disk free: latest 5.0 GiB/ })).toBeInTheDocument();
  });

  test("what a plot says where it is pointed at stands beside its title, and is not said to who hears it", async () => {
    isLookedAtBy();
    const { user } = showAgent({ samples: [makeSample(1, { used_slots: 7 }), makeSample(0)] });
    const plot = await screen.findByRole("img", { name: /^Slots used/ });
    const name = plot.getAttribute("aria-label");
    plot.getBoundingClientRect = () => new DOMRect(0, 0, 180, 60);
    await user.pointer({ target: plot, coords: { clientX: 178.5, clientY: 10 } });
    expect(screen.getByText("11:58: 7 of 8")).toBeVisible();
    expect(plot).toHaveAttribute("aria-label", name);
    await user.unhover(plot);
    expect(screen.queryByText("11:58: 7 of 8")).not.toBeInTheDocument();
  });

  test("times are those of the zone that is chosen in Airflow", async () => {
    localStorage.setItem("timezone", JSON.stringify("Asia/Tokyo"));
    isLookedAtBy();
    showAgent({ samples: [makeSample(1, { heard: 2 }), makeSample(0)] });
    expect(await screen.findByText("20:58 to 20:59: 4 of 6 heartbeats missed")).toBeVisible();
  });

  test("how far back can be chosen, and stands in the address", async () => {
    isLookedAtBy();
    const { user, search, history } = showAgent();
    await user.click(await screen.findByRole("button", { name: "24 h" }));
    expect(search().get("hours")).toBe("24");
    await waitFor(() => expect(history.at(-1)?.url.searchParams.get("hours")).toBe("24"));
  });

  test("an agent of which nothing is recorded yet has plots that say so", async () => {
    isLookedAtBy();
    showAgent({ samples: [] });
    expect(await screen.findByRole("img", { name: "Slots used: nothing recorded" })).toBeInTheDocument();
  });
});

describe("what is known of it", () => {
  test("what differs from this Airflow stands before all else", async () => {
    isLookedAtBy();
    showAgent({ agent: { skew: ["its clock is 95 s behind"] } });
    expect(await screen.findByText("its clock is 95 s behind")).toBeVisible();
  });

  test("what an admin changed is told from what its host is configured to", async () => {
    isLookedAtBy();
    showAgent({ agent: { slots: 2, own_slots: 8, slots_overridden: true } });
    expect(await screen.findByText(/changed here; configured: 8/)).toBeVisible();
  });

  test("the host's numbers are sizes for people", async () => {
    isLookedAtBy();
    const health = { memory_total_bytes: 8 * 2 ** 30, memory_available_bytes: 2 ** 30, disk_free_bytes: 512 };
    showAgent({ agent: { health } });
    expect(await screen.findByText(/1.0 GiB free of 8.0 GiB/)).toBeVisible();
    expect(screen.getByText("512 B free")).toBeVisible();
  });

  test("one question brings it, its jobs and its events", async () => {
    isLookedAtBy();
    const { asked, earlier } = showAgent({ jobs: [makeJob({ label: "nightly.load" })] });
    expect(await screen.findByText("nightly.load")).toBeVisible();
    expect(screen.getByText("Registered from host-a-1.")).toBeVisible();
    expect(asked).toHaveLength(1);
    expect(earlier).toEqual([]);
  });

  test("one without jobs says so", async () => {
    isLookedAtBy();
    showAgent();
    expect(await screen.findByText("It has had no job that is still kept.")).toBeVisible();
  });
});

describe("events", () => {
  test("each says what happened, who decided it, and why", async () => {
    isLookedAtBy();
    showAgent({ events: [makeEvent({ kind: "cordoned", text: "Cordoned.", by: "ada", reason: "disk swap" })] });
    const item = (await screen.findByText("Cordoned.")).parentElement as HTMLElement;
    expect(item).toHaveTextContent(/by ada: disk swap/);
  });

  test("earlier ones come on request", async () => {
    isLookedAtBy();
    const { user, earlier } = showAgent();
    await user.click(await screen.findByRole("button", { name: "Earlier events" }));
    expect(await screen.findByText(OLD.text)).toBeVisible();
    expect(screen.getAllByText("Registered from host-a-1.")).toHaveLength(1);
    await user.click(await screen.findByRole("button", { name: "Earlier events" }));
    expect(await screen.findByText(OLDER.text)).toBeVisible();
    expect(earlier.at(-1)?.url.searchParams.get("before")).toBe(String(OLD.id));
    expect(screen.queryByRole("button", { name: "Earlier events" })).not.toBeInTheDocument();
  });

  test("they outlive the agent: of one that was deleted they are shown", async () => {
    isLookedAtBy();
    showAgent({ events: [makeEvent({ kind: "deleted", text: "Deleted." })] });
    refuses("get", "/agents/site-a-1", "there is no agent named 'site-a-1'", 404);
    expect(await screen.findByText("there is no agent named 'site-a-1'")).toBeVisible();
    expect(await screen.findByText("Deleted.")).toBeVisible();
  });
});

describe("what may be done about it", () => {
  test("its actions stand beside its name", async () => {
    isLookedAtBy();
    showAgent();
    const actions = await screen.findByRole("group", { name: "Actions on agent site-a-1" });
    expect(within(actions).getByRole("button", { name: "Cordon" })).toBeVisible();
  });

  test("who may only look finds no action, and nothing to dismiss", async () => {
    isLookedAtBy({ may_steer: false });
    showAgent({ agent: { host_conflicts: 2, host_conflict_hostname: "thief" } });
    expect(await screen.findByText(/thief was refused 2 times/)).toBeVisible();
    expect(screen.queryByRole("group", { name: /Actions on/ })).not.toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Dismiss" })).not.toBeInTheDocument();
  });

  test("a conflict about its name can be dismissed, with a reason", async () => {
    isLookedAtBy();
    const asked = records("delete", "/agents/site-a-1/host-conflict", null, 204);
    const { user } = showAgent({ agent: { host_conflicts: 1 } });
    await user.click(await screen.findByRole("button", { name: "Dismiss" }));
    const question = await screen.findByRole("dialog");
    await user.type(within(question).getByRole("textbox", { name: "Reason" }), "new disk");
    await user.click(within(question).getByRole("button", { name: "Dismiss" }));
    await waitFor(() => expect(asked[0]?.url.searchParams.get("reason")).toBe("new disk"));
  });

  test("another host may be let have the name, for as long as is said", async () => {
    isLookedAtBy();
    const asked = records("post", "/agents/site-a-1/re-enrol", null, 204);
    const { user } = showAgent({ agent: { host_conflicts: 1 } });
    await user.click(await screen.findByRole("button", { name: "Let another host have it" }));
    const question = await screen.findByRole("alertdialog");
    const within_ = within(question).getByRole("textbox", { name: "Within" });
    await user.clear(within_);
    await user.type(within_, "2");
    await user.click(within(question).getByRole("button", { name: "Re-enrol" }));
    await waitFor(() => expect(asked.map(({ body }) => body)).toEqual([{ within_seconds: 7200, reason: null }]));
  });
});
