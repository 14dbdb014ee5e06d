import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import type { AgentView } from "../api/types";
import { show } from "../testing/render";
import { makeAgent } from "../testing/samples";
import { answers, isLookedAtBy, records, refuses } from "../testing/server";
import { AgentActions } from "./AgentActions";

const CORDONED = { cordoned_at: "2026-03-01T12:00:00Z" };

const DANGEROUS = ["Stop", "Delete"];

beforeEach(() => isLookedAtBy());

async function ask(action: string, ...agents: AgentView[]) {
  const shown = show(<AgentActions agents={agents} look="buttons" />);
  await shown.user.click(await screen.findByRole("button", { name: action }));
  const dialog = within(await screen.findByRole(DANGEROUS.includes(action) ? "alertdialog" : "dialog"));
  return { ...shown, dialog, confirm: (verb = action) => shown.user.click(dialog.getByRole("button", { name: verb })) };
}

const gone = () => waitFor(() => expect(document.querySelector("[role$=dialog]")).toBeNull());

test("a cordon says what goes on, and takes a reason and an expiry", async () => {
  const asked = records("put", "/agents/:name/cordon", null, 204);
  const { user, dialog, confirm } = await ask("Cordon", makeAgent({ name: "db-07", running: 2 }));
  expect(dialog.getByText("What runs goes on: 2 running jobs.")).toBeVisible();
  await user.type(dialog.getByLabelText("Reason"), "disk swap");
  await user.type(dialog.getByLabelText("Lift it after"), "2");
  await confirm();
  await gone();
  expect(asked).toHaveLength(1);
  expect(asked[0]?.url.pathname).toContain("/agents/db-07/cordon");
  expect(asked[0]?.body).toEqual({ reason: "disk swap", expires_in_seconds: 7_200 });
  expect(await screen.findByText("Cordoned agent db-07")).toBeInTheDocument();
});

test("without an expiry a cordon stands until it is lifted", async () => {
  const asked = records("put", "/agents/:name/cordon", null, 204);
  const { confirm } = await ask("Cordon", makeAgent());
  await confirm();
  await gone();
  expect(asked[0]?.body).toEqual({ reason: null, expires_in_seconds: null });
});

test("what is no number of hours cannot be sent", async () => {
  const { user, dialog } = await ask("Cordon", makeAgent());
  await user.type(dialog.getByLabelText("Lift it after"), "two");
  expect(dialog.getByText("Give a number above 0, or nothing.")).toBeVisible();
  expect(dialog.getByRole("button", { name: "Cordon" })).toBeDisabled();
});

test("what the server refuses stays in the question, with its sentence", async () => {
  refuses("put", "/agents/:name/cordon", "there is no agent named 'db-07'", 404);
  const { user, dialog, confirm } = await ask("Cordon", makeAgent({ name: "db-07" }));
  await user.type(dialog.getByLabelText("Reason"), "disk swap");
  await confirm();
  expect(await dialog.findByText("there is no agent named 'db-07'")).toBeVisible();
  expect(dialog.getByLabelText("Reason")).toHaveValue("disk swap");
});

test("uncordon is there for the cordoned only", async () => {
  show(<AgentActions agents={[makeAgent()]} look="buttons" />);
  await screen.findByRole("button", { name: "Cordon" });
  expect(screen.queryByRole("button", { name: "Uncordon" })).toBeNull();
});

test("an action on several concerns only those to whom it means something", async () => {
  const asked = records("delete", "/agents/:name/cordon", null, 204);
  const agents = [
    makeAgent({ name: "a" }),
    makeAgent({ name: "b", ...CORDONED }),
    makeAgent({ name: "c", ...CORDONED }),
  ];
  const { dialog, confirm } = await ask("Uncordon", ...agents);
  expect(dialog.getByRole("heading", { name: "Uncordon 2 agents" })).toBeVisible();
  await confirm();
  await gone();
  expect(asked.map(({ url }) => url.pathname.split("/").at(-2)).sort()).toEqual(["b", "c"]);
});

test("of several, those that were refused are named and tried again alone", async () => {
  const asked = records("put", "/agents/:name/drain", null, 204);
  refuses("put", "/agents/b/drain", "there is no agent named 'b'", 404);
  const { dialog, confirm } = await ask("Drain", makeAgent({ name: "a" }), makeAgent({ name: "b" }));
  await confirm();
  expect(await dialog.findByText(/1 of 2 are done.*b: there is no agent named 'b'/s)).toBeVisible();
  answers("put", "/agents/b/drain", null, 204);
  await confirm();
  await gone();
  expect(asked).toHaveLength(1);
});

test("a drain takes a deadline", async () => {
  const asked = records("put", "/agents/:name/drain", null, 204);
  const { user, dialog, confirm } = await ask("Drain", makeAgent());
  await user.type(dialog.getByLabelText("Deadline"), "30");
  await confirm();
  await gone();
  expect(asked[0]?.body).toEqual({ reason: null, deadline_seconds: 1_800 });
});

test("a stop says that running jobs fail, and gives them a grace", async () => {
  const asked = records("put", "/agents/:name/stop", null, 204);
  const { user, dialog, confirm } = await ask("Stop", makeAgent({ running: 1 }));
  expect(dialog.getByText(/ended after the grace, and fails: 1 running job\./)).toBeVisible();
  await user.clear(dialog.getByLabelText("Grace"));
  await user.type(dialog.getByLabelText("Grace"), "5");
  await confirm();
  await waitFor(() => expect(asked[0]?.body).toEqual({ reason: null, grace_seconds: 5 }));
});

test("what is not there cannot be drained or stopped, but deleted", async () => {
  show(<AgentActions agents={[makeAgent({ state: "lost", health_status: "lost" })]} look="buttons" />);
  expect(await screen.findByRole("button", { name: "Delete" })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Drain" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Stop" })).toBeNull();
});

test("an agent is deleted only when its name was typed, and it says what became of its jobs", async () => {
  answers("delete", "/agents/:name", { failed: 2, returned: 1 });
  const { user, dialog, confirm } = await ask("Delete", makeAgent({ name: "db-07", running: 2, offered: 1 }));
  expect(dialog.getByText(/fails at once: 2 running jobs\./)).toBeVisible();
  expect(dialog.getByText(/goes back to the queue: 1 job\./)).toBeVisible();
  expect(dialog.getByRole("button", { name: "Delete" })).toBeDisabled();
  await user.type(dialog.getByLabelText(/Type db-07 to confirm/), "db-07");
  await confirm();
  expect(await screen.findByText(/Deleted agent db-07: 2 jobs failed, 1 went back/)).toBeInTheDocument();
});

test("slots and queues are set, left, or given back to the host", async () => {
  const asked = records("put", "/agents/:name/settings", null, 204);
  const agent = makeAgent({ queues: ["a"], own_queues: ["b"], queues_overridden: true, slots: 4, own_slots: 4 });
  const { user, dialog, confirm } = await ask("Change slots and queues", agent);
  expect(dialog.getByRole("button", { name: "Change" })).toBeDisabled();
  const slots = within(dialog.getByRole("radiogroup", { name: "Slots" }));
  await user.click(slots.getByRole("radio", { name: "Set" }));
  const field = dialog.getByRole("textbox", { name: "Slots" });
  await user.clear(field);
  await user.type(field, "0");
  expect(dialog.getByRole("button", { name: "Change" })).toBeDisabled();
  await user.clear(field);
  await user.type(field, "16");
  await confirm("Change");
  await gone();
  expect(asked[0]?.body).toEqual({ slots: 16, queues: ["a"], reason: null });
});

test("a queue beyond the token's is refused in the server's words", async () => {
  refuses("put", "/agents/:name/settings", "the token 'site-a' does not allow the queue 'gpu'", 409);
  const { user, dialog, confirm } = await ask("Change slots and queues", makeAgent());
  const queues = within(dialog.getByRole("radiogroup", { name: "Queues" }));
  await user.click(queues.getByRole("radio", { name: "Set" }));
  await user.type(dialog.getByRole("textbox", { name: "Queues" }), ", gpu");
  await confirm("Change");
  expect(await dialog.findByText("the token 'site-a' does not allow the queue 'gpu'")).toBeVisible();
});

test("whoever may not steer is offered nothing", async () => {
  isLookedAtBy({ may_steer: false });
  show(
    <>
      <p>there</p>
      <AgentActions agents={[makeAgent()]} look="buttons" />
    </>,
  );
  await screen.findByText("there");
  expect(screen.queryByRole("group")).toBeNull();
});
