import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { serveLog } from "../testing/logs";
import { show } from "../testing/render";
import { makeCommand, makeJob, makeJobsPage } from "../testing/samples";
import { answers, isLookedAtBy, records, refuses } from "../testing/server";
import { JobsTab } from "./JobsTab";

const WHY = "2 agents serve queue 'gpu', none has gpu = true: a has no gpu, b has no gpu";

const QUEUED = makeJob({
  id: "7a0f6c0e-0000-4000-8000-000000000002",
  label: "nightly.train",
  state: "queued",
  queue: "gpu",
  agent_name: null,
  waiting: WHY,
  confirmed_at: null,
  offered_at: null,
  ran_seconds: null,
});

const COUNTS = { queued: 3, offered: 1, running: 2, ended: 40 };

function showJobs(jobs = [makeJob(), QUEUED], at = "/plugin/edge-agents?tab=jobs") {
  const asked = records("get", "/jobs", makeJobsPage(jobs, { counts: COUNTS, queues: ["onprem", "gpu"] }));
  return { ...show(<JobsTab />, { at }), asked };
}

describe("the list", () => {
  test("a queued job says below its name why it is not picked up", async () => {
    isLookedAtBy();
    showJobs();
    const row = (await screen.findByText("nightly.train")).closest("tr") as HTMLElement;
    expect(within(row).getByText(WHY)).toBeVisible();
  });

  test("a task leads to its instance in Airflow, and an agent to its page", async () => {
    isLookedAtBy();
    showJobs();
    expect(await screen.findByRole("link", { name: "nightly.load" })).toHaveAttribute(
      "href",
      "/dags/nightly/runs/manual__2026-03-01/tasks/load",
    );
    expect(screen.getByRole("link", { name: "site-a-1" })).toHaveAttribute(
      "href",
      "/plugin/edge-agents?agent=site-a-1",
    );
  });

  test("how many there are of each state stands on the buttons, which narrow the list down", async () => {
    isLookedAtBy();
    const { user, search, asked } = showJobs();
    const ended = await screen.findByRole("button", { name: /Ended\s*40/ });
    await user.click(ended);
    expect(search().get("state")).toBe("ended");
    await waitFor(() => expect(asked.at(-1)?.url.searchParams.getAll("state")).toEqual(["ended"]));
    expect(ended).toHaveAttribute("aria-pressed", "true");
  });

  test("the address says which jobs are asked for; nonsense in it is left out", async () => {
    isLookedAtBy();
    const { asked } = showJobs(
      [makeJob()],
      "/plugin/edge-agents?tab=jobs&state=odd&kind=odd&q=load&queue=gpu&on=site-a-1&dag_id=nightly&map_index=2&offset=50",
    );
    await screen.findByText("nightly.load");
    expect(Object.fromEntries(asked[0]?.url.searchParams ?? [])).toEqual({
      search: "load",
      queue: "gpu",
      agent: "site-a-1",
      dag_id: "nightly",
      map_index: "2",
      limit: "50",
      offset: "50",
    });
  });

  test("what is typed is searched for once its typist pauses", async () => {
    isLookedAtBy();
    const { user, asked, search } = showJobs();
    await user.type(await screen.findByRole("searchbox", { name: "Search jobs" }), "load");
    await waitFor(() => expect(search().get("q")).toBe("load"));
    await waitFor(() => expect(asked.at(-1)?.url.searchParams.get("search")).toBe("load"));
    expect(asked.map(({ url }) => url.searchParams.get("search"))).not.toContain("lo");
  });

  test("a long list comes a page at a time, and the address says which", async () => {
    isLookedAtBy();
    const asked = records("get", "/jobs", makeJobsPage([makeJob()], { total: 120, counts: COUNTS }));
    const { user, search } = show(<JobsTab />, { at: "/plugin/edge-agents?tab=jobs" });
    await user.click(await screen.findByRole("button", { name: "Next page" }));
    expect(search().get("offset")).toBe("50");
    await waitFor(() => expect(asked.at(-1)?.url.searchParams.get("offset")).toBe("50"));
  });

  test("a Dag that a link brought can be taken away again", async () => {
    isLookedAtBy();
    const { user, search } = showJobs([makeJob()], "/plugin/edge-agents?tab=jobs&dag_id=nightly");
    await user.click(await screen.findByRole("button", { name: "Every Dag, not only this" }));
    expect(search().has("dag_id")).toBe(false);
  });

  test("an ended job says how: by its exit code and its message", async () => {
    isLookedAtBy();
    showJobs([
      makeJob({ state: "failed", reason: "exit", exit_code: 3, message: "no rows", ended_at: "2026-03-01T12:00:09Z" }),
    ]);
    expect(await screen.findByText("exit code 3: no rows")).toBeVisible();
  });

  test("a job of a Dag that its reader may not see has no name", async () => {
    isLookedAtBy();
    showJobs([makeJob({ hidden: true, label: "", task_url: null, dag_id: null })]);
    expect(await screen.findByText("of a Dag that you may not see")).toBeVisible();
  });

  test("an empty list says whether there is nothing, or nothing like that", async () => {
    isLookedAtBy();
    showJobs([]);
    expect(await screen.findByText("No job has been queued for an edge agent yet.")).toBeVisible();
  });

  test("a command among tasks is told from them", async () => {
    isLookedAtBy();
    showJobs([makeJob(), makeCommand()]);
    const row = (await screen.findByText("Load the orders")).closest("tr") as HTMLElement;
    expect(within(row).getByText("command")).toBeVisible();
    const other = screen.getByText("nightly.load").closest("tr") as HTMLElement;
    expect(within(other).queryByText("command")).not.toBeInTheDocument();
  });

  test("commands alone say how each is called, what it runs, for which task, and who submitted it", async () => {
    isLookedAtBy();
    showJobs([makeCommand()], "/plugin/edge-agents?tab=jobs&kind=command");
    const row = (await screen.findByText("load-orders")).closest("tr") as HTMLElement;
    expect(within(row).getByRole("link", { name: "Load the orders" })).toHaveAttribute(
      "href",
      "/dags/nightly/runs/manual__2026-03-01/tasks/load",
    );
    expect(row).toHaveTextContent("with nightly-commands");
  });

  test("a command of a Dag that its reader may not see says nothing of itself", async () => {
    isLookedAtBy();
    const blank = { label: "", task_url: null, dag_id: null, command_name: null, submitted_by: null };
    const job = makeCommand({ hidden: true, ...blank });
    showJobs([job], "/plugin/edge-agents?tab=jobs&kind=command");
    expect(await screen.findByText("of a Dag that you may not see")).toBeVisible();
    expect(screen.getByRole("button", { name: `Details and log of job ${job.id}` })).toBeVisible();
  });

  test("what was submitted with a token is asked for by its name", async () => {
    isLookedAtBy();
    const { user, search, asked } = showJobs([makeCommand()], "/plugin/edge-agents?tab=jobs&token=nightly-commands");
    await user.click(await screen.findByRole("button", { name: "Every token, not only this" }));
    expect(asked[0]?.url.searchParams.get("token")).toBe("nightly-commands");
    expect(search().has("token")).toBe(false);
  });

  test("where nothing has run yet it says how a task and a command do", async () => {
    isLookedAtBy();
    showJobs([]);
    expect(await screen.findByRole("region", { name: "task" })).toHaveTextContent('executor="EdgeAgentExecutor"');
    expect(screen.getByRole("region", { name: "operator" })).toHaveTextContent("EdgeAgentCommandOperator");
    expect(screen.getByRole("link", { name: "Create one" })).toHaveAttribute(
      "href",
      expect.stringMatching(/tab=tokens/),
    );
  });

  test("who may not create a token is told what that takes", async () => {
    isLookedAtBy({ may_grant: false });
    showJobs([], "/plugin/edge-agents?tab=jobs&kind=command");
    expect(await screen.findByText("No command has been submitted yet.")).toBeVisible();
    expect(screen.getByText(/takes the right to edit connections/)).toBeVisible();
    expect(screen.queryByRole("link", { name: "Create one" })).not.toBeInTheDocument();
  });

  test.each([
    ["kind=command&dag_id=nightly&run_id=r&task_id=load", /^No command of this task is there/],
    ["kind=command&q=x", /^No job is like that/],
    ["kind=task", /^No job is like that/],
  ])("an empty list that was asked for by %s says: %s", async (asked, words) => {
    isLookedAtBy();
    showJobs([], `/plugin/edge-agents?tab=jobs&${asked}`);
    expect(await screen.findByText(words)).toBeVisible();
    expect(screen.queryByRole("region", { name: "operator" })).not.toBeInTheDocument();
  });

  test("a list that cannot be read says why", async () => {
    isLookedAtBy();
    refuses("get", "/jobs", "The database is away.", 503);
    show(<JobsTab />);
    expect(await screen.findByText("The database is away.")).toBeVisible();
  });
});

describe("one job", () => {
  function showOne(job = makeJob()) {
    const log = serveLog("started\n");
    answers("get", `/jobs/${job.id}`, { job, server_time: new Date().toISOString() });
    return { ...showJobs([job], `/plugin/edge-agents?tab=jobs&job=${job.id}`), log };
  }

  test("it opens from its row, and the address says so", async () => {
    isLookedAtBy();
    serveLog("started\n");
    const job = makeJob();
    answers("get", `/jobs/${job.id}`, { job, server_time: new Date().toISOString() });
    const { user, search } = showJobs([job]);
    await user.click(await screen.findByRole("button", { name: "Details and log of nightly.load" }));
    expect(search().get("job")).toBe(job.id);
    expect(await screen.findByRole("log")).toHaveTextContent("started");
  });

  test("a command says what it is called and which token submitted it", async () => {
    isLookedAtBy();
    showOne(makeCommand());
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByText("load-orders")).toBeVisible();
    expect(within(dialog).getByText("token nightly-commands")).toBeVisible();
  });

  test("cancelling says what it leads to, and hands on the reason", async () => {
    isLookedAtBy();
    const job = makeJob();
    const asked = records("post", `/jobs/${job.id}/cancel`, null, 204);
    const { user } = showOne(job);
    await user.click(await screen.findByRole("button", { name: "Cancel job" }));
    const question = await screen.findByRole("alertdialog");
    expect(question).toHaveTextContent("site-a-1 ends what runs of nightly.load");
    await user.type(within(question).getByRole("textbox", { name: "Reason" }), "wrong day");
    await user.click(within(question).getByRole("button", { name: "Cancel job" }));
    await waitFor(() => expect(asked.map(({ body }) => body)).toEqual([{ reason: "wrong day" }]));
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
  });

  test("a cancel that is refused says why, and keeps what was typed", async () => {
    isLookedAtBy();
    const job = makeJob();
    refuses("post", `/jobs/${job.id}/cancel`, "This takes the right to edit pools, as Airflow's role Op has it.", 403);
    const { user } = showOne(job);
    await user.click(await screen.findByRole("button", { name: "Cancel job" }));
    const question = await screen.findByRole("alertdialog");
    await user.type(within(question).getByRole("textbox", { name: "Reason" }), "wrong day");
    await user.click(within(question).getByRole("button", { name: "Cancel job" }));
    expect(await within(question).findByText(/takes the right to edit pools/)).toBeVisible();
    expect(within(question).getByRole("textbox", { name: "Reason" })).toHaveValue("wrong day");
  });

  test("who may only look finds no way to cancel", async () => {
    isLookedAtBy({ may_steer: false });
    showOne();
    expect(await screen.findByRole("log")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Cancel job" })).not.toBeInTheDocument();
  });

  test("one that has ended cannot be cancelled", async () => {
    isLookedAtBy();
    showOne(makeJob({ state: "succeeded", reason: "exit", exit_code: 0, ended_at: "2026-03-01T12:01:00Z" }));
    expect(await screen.findByRole("log")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Cancel job" })).not.toBeInTheDocument();
  });

  test("one that waits says why, and its log is not asked for", async () => {
    isLookedAtBy();
    const { log } = showOne(QUEUED);
    const dialog = await screen.findByRole("dialog");
    expect(await within(dialog).findByText(WHY)).toBeVisible();
    expect(within(dialog).getByText("It has not started. Its log is shown here from then on.")).toBeVisible();
    expect(log.asked).toEqual([]);
  });

  test("one that is not kept any more is refused in the server's words", async () => {
    isLookedAtBy();
    refuses("get", "/jobs/gone", "There is no such job.", 404);
    showJobs([], "/plugin/edge-agents?tab=jobs&job=gone");
    expect(await screen.findByText("There is no such job.")).toBeVisible();
  });
});
