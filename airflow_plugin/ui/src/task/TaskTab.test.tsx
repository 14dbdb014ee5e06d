import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import type { JobView } from "../api/types";
import { serveLog } from "../testing/logs";
import { show } from "../testing/render";
import { makeAgent, makeCommand, makeJob, makeJobsPage } from "../testing/samples";
import { answers, isLookedAtBy, records, refuses } from "../testing/server";
import { TaskTab } from "./TaskTab";

const TASK = { dagId: "nightly", runId: "manual__2026-03-01", taskId: "load", mapIndex: -1 };
const AT = "/dags/nightly/runs/manual__2026-03-01/tasks/load/plugin/edge-agent";

function showTask(jobs = [makeJob({ hostname: "rack-7" })], commands: JobView[] = [], total = commands.length) {
  isLookedAtBy({ may_steer: false, may_grant: false });
  answers("get", "/agents/site-a-1", {
    agent: makeAgent({ hostname: "moved-since" }),
    server_time: new Date().toISOString(),
  });
  const asked = records("get", "/jobs", ({ searchParams }: URL) =>
    searchParams.get("kind") === "command" ? makeJobsPage(commands, { total }) : makeJobsPage(jobs),
  );
  return { ...show(<TaskTab {...TASK} />, { at: AT }), asked };
}

test("it says which agent runs the task, and on which host", async () => {
  const { asked } = showTask();
  expect(await screen.findByText("on host rack-7")).toBeVisible();
  for (const link of screen.getAllByRole("link", { name: "site-a-1" })) {
    expect(link).toHaveAttribute("href", "/plugin/edge-agents?agent=site-a-1");
  }
  expect(Object.fromEntries(asked[0]?.url.searchParams ?? [])).toMatchObject({
    dag_id: "nightly",
    run_id: "manual__2026-03-01",
    task_id: "load",
    map_index: "-1",
  });
});

test("every attempt has its row, with how it ended", async () => {
  showTask([
    makeJob({ id: "7a0f6c0e-0000-4000-8000-000000000002", try_number: 2 }),
    makeJob({
      state: "failed",
      reason: "agent_lost",
      message: "Not heard for 30 s.",
      ended_at: "2026-03-01T12:01:00Z",
    }),
  ]);
  const table = await screen.findByRole("table");
  const [, second, first] = within(table).getAllByRole("row");
  expect(second).toHaveTextContent(/^2running/);
  expect(first).toHaveTextContent(/^1failed/);
  expect(first).toHaveTextContent("its agent was lost: Not heard for 30 s.");
});

test("the log of an attempt opens beside it", async () => {
  serveLog("hello from the host\n");
  answers("get", `/jobs/${makeJob().id}`, { job: makeJob(), server_time: new Date().toISOString() });
  const { user } = showTask();
  await user.click(await screen.findByRole("button", { name: "Details and log of try 1" }));
  expect(await screen.findByRole("log")).toHaveTextContent("hello from the host");
});

test("one that waits says why", async () => {
  showTask([
    makeJob({ state: "queued", agent_name: null, confirmed_at: null, waiting: "no agent serves queue 'onprem'" }),
  ]);
  expect(await screen.findByText("no agent serves queue 'onprem'")).toBeVisible();
  expect(screen.getByText(/Waits in queue onprem for/)).toBeVisible();
});

test("an agent that was deleted since is not there any more", async () => {
  showTask();
  refuses("get", "/agents/site-a-1", "there is no agent named 'site-a-1'", 404);
  expect(await screen.findByText("This agent is not there any more.")).toBeVisible();
});

test("a task that no edge agent ever had says what that may mean", async () => {
  showTask([]);
  expect(await screen.findByText(/No edge agent has, or had, this task instance/)).toBeVisible();
  expect(screen.getByText(/Nor has it submitted a command/)).toBeVisible();
});

test("its commands are no attempts: they have a table of their own, with what each is called and runs", async () => {
  const other = makeCommand({ command_name: "check", label: "Check the orders", try_number: 2 });
  showTask([makeJob()], [other, makeCommand({ id: "7a0f6c0e-0000-4000-8000-00000000000d" })]);
  const commands = await screen.findByRole("region", { name: "Commands" });
  const [, first, second] = within(commands).getAllByRole("row");
  expect(first).toHaveTextContent(/^2runningcheckCheck the orders/);
  expect(second).toHaveTextContent(/^1runningload-ordersLoad the orders/);
  expect(second).toHaveTextContent("with nightly-commands");
  expect(within(screen.getByRole("region", { name: "Attempts" })).getAllByRole("row")).toHaveLength(2);
});

test("a task that runs elsewhere shows the commands it had run on agents", async () => {
  showTask([], [makeCommand()]);
  expect(await screen.findByRole("region", { name: "Commands" })).toHaveTextContent("load-orders");
  expect(screen.queryByRole("region", { name: "Attempts" })).not.toBeInTheDocument();
  expect(screen.queryByText(/No edge agent has/)).not.toBeInTheDocument();
});

test("of more commands than are shown the way to all of them says how many there are", async () => {
  showTask([], [makeCommand()], 300);
  const all = await screen.findByRole("link", { name: "All 300 of them" });
  const leads = new URL(all.getAttribute("href") ?? "", "http://airflow.test");
  expect(leads.pathname).toBe("/plugin/edge-agents");
  expect(Object.fromEntries(leads.searchParams)).toEqual({
    tab: "jobs",
    kind: "command",
    dag_id: "nightly",
    run_id: "manual__2026-03-01",
    task_id: "load",
  });
});

test("the log of a command opens beside it", async () => {
  serveLog("loaded 7 orders\n");
  const command = makeCommand();
  answers("get", `/jobs/${command.id}`, { job: command, server_time: new Date().toISOString() });
  const { user } = showTask([], [command]);
  await user.click(await screen.findByRole("button", { name: "Details and log of command load-orders" }));
  expect(await screen.findByRole("log")).toHaveTextContent("loaded 7 orders");
});

test("what cannot be read says why", async () => {
  isLookedAtBy();
  refuses("get", "/jobs", "This takes the right to see jobs.", 403);
  show(<TaskTab {...TASK} />, { at: AT });
  await waitFor(() => expect(screen.getByText("This takes the right to see jobs.")).toBeVisible());
});
