import { screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { useAgents } from "../api/queries";
import type { AgentView } from "../api/types";
import { show } from "../testing/render";
import { makeAgent, makeAgentsPage } from "../testing/samples";
import { answers, isLookedAtBy, records, refuses } from "../testing/server";
import { makeCreated, SECRET } from "../testing/tokens";
import { EmptyState } from "./EmptyState";

function Live({ onDone }: { onDone: () => void }) {
  const { data } = useAgents({});
  return <EmptyState agents={data?.agents ?? []} onDone={onDone} />;
}

function showEmpty(agents: AgentView[] = []) {
  answers("get", "/agents", makeAgentsPage(agents));
  const onDone = vi.fn();
  return { ...show(<Live onDone={onDone} />), onDone };
}

async function plan({ user }: ReturnType<typeof show>) {
  await user.type(await screen.findByRole("textbox", { name: /Name of the agent/ }), "db-07");
  await user.type(screen.getByRole("textbox", { name: /Queues that it serves/ }), "onprem");
  await user.click(screen.getByRole("button", { name: "Create token" }));
}

test("from nothing to a healthy agent: a token for it alone, one command, and there it is", async () => {
  isLookedAtBy();
  const asked = records("post", "/tokens", makeCreated("db-07"), 201);
  const shown = showEmpty();
  await plan(shown);
  const command = await screen.findByRole("region", { name: "install command" });
  expect(command).toHaveTextContent(SECRET);
  expect(command).toHaveTextContent("--name='db-07' \\ --queues='onprem' \\ --server-key='c2VydmVy'");
  expect(asked[0]?.body).toMatchObject({ name: "db-07", agents: ["db-07"], queues: ["onprem"], max_agents: 1 });
  expect(screen.getByText("Waiting for db-07 to register …")).toBeVisible();

  answers("get", "/agents", makeAgentsPage([makeAgent({ name: "db-07" })]));
  expect(await screen.findByText("healthy")).toBeVisible();
  await shown.user.click(screen.getByRole("button", { name: "Show all agents" }));
  expect(shown.onDone).toHaveBeenCalled();
});

test("who wants to try it first gets a command for a shell", async () => {
  isLookedAtBy();
  answers("post", "/tokens", makeCreated("db-07"), 201);
  const shown = showEmpty();
  await plan(shown);
  expect(await screen.findByRole("radio", { name: "As a service of the host" })).toBeChecked();
  await shown.user.click(screen.getByRole("radio", { name: "In a shell, to try it" }));
  const command = screen.getByRole("region", { name: "install command" });
  expect(command).toHaveTextContent(SECRET);
  expect(command).toHaveTextContent('name = "db-07"');
  expect(command).toHaveTextContent('server_key = "c2VydmVy"');
  expect(screen.getByText(/should not be root/)).toBeVisible();
});

test("what is refused says why, and can be mended", async () => {
  isLookedAtBy();
  refuses("post", "/tokens", "there is already a token named 'db-07'; rotate it, or choose another name", 422);
  await plan(showEmpty());
  expect(await screen.findByText(/there is already a token named/)).toBeVisible();
  expect(screen.getByRole("textbox", { name: /Name of the agent/ })).toHaveValue("db-07");
});

test("who may not create a token is told who may", async () => {
  isLookedAtBy({ may_grant: false });
  showEmpty();
  expect(await screen.findByText(/takes the right to edit connections/)).toBeVisible();
  expect(screen.queryByRole("button", { name: "Create token" })).not.toBeInTheDocument();
});

test("an address that only this machine finds is doubted", async () => {
  isLookedAtBy();
  answers("post", "/tokens", makeCreated("db-07"), 201);
  const shown = showEmpty();
  await plan(shown);
  const address = await screen.findByRole("textbox", { name: "Airflow's address" });
  expect(address).toHaveValue("http://airflow.test");
  await shown.user.clear(address);
  await shown.user.type(address, "http://localhost:8080");
  await waitFor(() => expect(screen.getByText(/Only this machine finds Airflow/)).toBeVisible());
});

test("who installs an agent for commands only is told what its host must allow first", async () => {
  isLookedAtBy();
  answers("post", "/tokens", makeCreated("db-07"), 201);
  const shown = showEmpty();
  await plan(shown);
  const tasks = await screen.findByRole("checkbox", { name: /It runs Airflow's tasks/ });
  expect(screen.queryByText(/until the host's policy lists it/)).not.toBeInTheDocument();
  await shown.user.click(tasks);
  expect(await screen.findByText(/until the host's policy lists it/)).toBeVisible();
});
