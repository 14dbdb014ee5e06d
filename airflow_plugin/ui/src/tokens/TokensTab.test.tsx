import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { show } from "../testing/render";
import { makeAgent, makeAgentsPage, makeJobsPage } from "../testing/samples";
import { answers, isLookedAtBy, records, refuses } from "../testing/server";
import { makeCreated, makeToken, SECRET } from "../testing/tokens";
import { TokensTab } from "./TokensTab";

function showTokens(tokens = [makeToken()]) {
  answers("get", "/tokens", tokens);
  return show(<TokensTab />, { at: "/plugin/edge-agents?tab=tokens" });
}

beforeEach(() => {
  isLookedAtBy();
  answers("get", "/agents", makeAgentsPage([]));
});

describe("the list", () => {
  test("a token says until when it works, what it allows, and who used it last", async () => {
    showTokens([
      makeToken({
        agents: ["db-*"],
        max_agents: 1,
        connections: [],
        last_used_at: "2026-03-01T12:00:00Z",
        last_used_by: "db-07",
        last_used_address: "10.1.2.3",
      }),
    ]);
    const row = (await screen.findByText("site-a")).closest("tr") as HTMLElement;
    expect(row).toHaveTextContent(/59 days left/);
    expect(row).toHaveTextContent("queues onprem");
    expect(row).toHaveTextContent("agents db-*");
    expect(row).toHaveTextContent("at most 1 agent");
    expect(row).toHaveTextContent("connections: none");
    expect(row).toHaveTextContent("by db-07 from 10.1.2.3");
  });

  test("one that was revoked can neither be rotated nor revoked", async () => {
    showTokens([makeToken({ revoked_at: "2026-03-01T12:00:00Z" })]);
    expect(await screen.findByText("revoked")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Revoke site-a" })).not.toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Rotate site-a" })).not.toBeInTheDocument();
  });

  test("a submit token says as whom its commands run, and leads to them", async () => {
    showTokens([
      makeToken({ name: "nightly", kind: "submit", run_as_users: ["etl"] }),
      makeToken({ name: "plain", kind: "submit" }),
    ]);
    const row = (await screen.findByText("nightly")).closest("tr") as HTMLElement;
    expect(row).toHaveTextContent("submits commands");
    expect(row).toHaveTextContent("runs as etl");
    expect((await screen.findByText("plain")).closest("tr")).toHaveTextContent("runs as the agent's own user");
    expect(screen.getByRole("link", { name: "Commands submitted with nightly" })).toHaveAttribute(
      "href",
      expect.stringMatching(/\?tab=jobs&kind=command&token=nightly$/),
    );
  });

  test("where there is no token it says what each kind leads to", async () => {
    showTokens([]);
    expect(await screen.findByText(/One for agents leads to the command that installs an agent/)).toBeVisible();
  });

  test("who may not see tokens is told so in the server's words", async () => {
    refuses("get", "/tokens", "This takes the right to edit connections, as Airflow's role Op has it.", 403);
    show(<TokensTab />);
    expect(await screen.findByText(/takes the right to edit connections/)).toBeVisible();
  });
});

describe("creating one", () => {
  async function fillForm(user: ReturnType<typeof show>["user"]) {
    await user.click(await screen.findByRole("button", { name: "Create token" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: /Name/ }), "db-07");
    await user.type(within(dialog).getByRole("textbox", { name: "Queues" }), "onprem, reports");
    return dialog;
  }

  test("it is asked for with every bound that was said", async () => {
    const asked = records("post", "/tokens", makeCreated("db-07"), 201);
    const { user } = showTokens();
    const dialog = await fillForm(user);
    await user.click(within(dialog).getByRole("button", { name: "More bounds" }));
    await user.type(await within(dialog).findByRole("textbox", { name: "Agents" }), "db-07");
    await user.type(within(dialog).getByRole("textbox", { name: "Addresses" }), "10.1.0.0/16");
    await user.selectOptions(within(dialog).getByRole("combobox", { name: "Connections for its tasks" }), "only");
    await user.type(within(dialog).getByRole("textbox", { name: /^Connections: names/ }), "site_a_*");
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
    await waitFor(() =>
      expect(asked[0]?.body).toMatchObject({
        name: "db-07",
        kind: "agent",
        queues: ["onprem", "reports"],
        agents: ["db-07"],
        addresses: ["10.1.0.0/16"],
        connections: ["site_a_*"],
        variables: null,
        expires_in_days: 90,
      }),
    );
  });

  test("its secret is shown this once, with the command that installs an agent", async () => {
    answers("post", "/tokens", makeCreated("db-07"), 201);
    const { user } = showTokens();
    const dialog = await fillForm(user);
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
    expect(await screen.findByRole("region", { name: "secret" })).toHaveTextContent(SECRET);
    await user.type(screen.getByRole("textbox", { name: "Name of the agent" }), "db-07");
    const command = screen.getByRole("region", { name: "install command" });
    expect(command).toHaveTextContent("/opt/edge-agent/bin/edge-agent install --check");
    expect(command).toHaveTextContent("--queues='onprem,reports'");
    expect(screen.getByText("Waiting for db-07 to register …")).toBeVisible();
    await user.keyboard("{Escape}");
    expect(screen.getByRole("region", { name: "secret" })).toBeVisible();
    await user.click(screen.getByRole("button", { name: "I have kept it" }));
    await waitFor(() => expect(document.body).not.toHaveTextContent(SECRET));
  });

  test("the secret is copied with a button", async () => {
    answers("post", "/tokens", makeCreated("db-07"), 201);
    const { user } = showTokens();
    const dialog = await fillForm(user);
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
    await user.click(await screen.findByRole("button", { name: "Copy secret" }));
    expect(await navigator.clipboard.readText()).toBe(SECRET);
    expect(await screen.findByText("Copied")).toBeVisible();
  });

  test("the agent that registers with it is seen to come", async () => {
    answers("post", "/tokens", makeCreated("db-07"), 201);
    answers("get", "/agents", makeAgentsPage([makeAgent({ name: "db-07", hostname: "rack-7" })]));
    const { user } = showTokens();
    const dialog = await fillForm(user);
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
    await user.type(await screen.findByRole("textbox", { name: "Name of the agent" }), "db-07");
    expect(await screen.findByText(/on rack-7, registered/)).toBeVisible();
    expect(screen.getByText("healthy")).toBeVisible();
  });

  test("what is refused says why, and nothing that was typed is lost", async () => {
    refuses("post", "/tokens", "there is already a token named 'db-07'; rotate it, or choose another name", 422);
    const { user } = showTokens();
    const dialog = await fillForm(user);
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
    expect(await within(dialog).findByText(/there is already a token named/)).toBeVisible();
    expect(within(dialog).getByRole("textbox", { name: /Name/ })).toHaveValue("db-07");
  });

  async function createForOperators(user: ReturnType<typeof show>["user"]) {
    const dialog = await fillForm(user);
    await user.selectOptions(within(dialog).getByRole("combobox", { name: "For" }), "submit");
    await user.type(within(dialog).getByRole("textbox", { name: "Users to run as" }), "etl, backup");
    await user.click(within(dialog).getByRole("button", { name: "More bounds" }));
    expect(await within(dialog).findByRole("textbox", { name: "Addresses" })).toBeVisible();
    expect(within(dialog).queryByRole("textbox", { name: "Agents" })).not.toBeInTheDocument();
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
  }

  test("a submit token is asked for with the users that its commands may run as", async () => {
    const asked = records("post", "/tokens", makeCreated("db-07", { token: "est_x" }), 201);
    const { user } = showTokens();
    await createForOperators(user);
    await waitFor(() =>
      expect(asked[0]?.body).toMatchObject({
        kind: "submit",
        queues: ["onprem", "reports"],
        run_as_users: ["etl", "backup"],
        agents: null,
        connections: null,
      }),
    );
  });

  test("it comes with the connection to paste, and with no agent to install", async () => {
    answers("post", "/tokens", makeCreated("db-07", { token: "est_x" }), 201);
    const { user } = showTokens();
    await createForOperators(user);
    expect(await screen.findByRole("region", { name: "secret" })).toHaveTextContent("est_x");
    expect(screen.queryByText("Install an agent with it")).not.toBeInTheDocument();
    const address = screen.getByRole("textbox", { name: "Airflow's address" });
    await user.clear(address);
    await user.type(address, "https://airflow.example.com/x");
    const guide = screen.getByRole("region", { name: "Let operators submit with it" });
    expect(guide).toHaveTextContent("Connection IDedge_agent_default");
    expect(guide).toHaveTextContent("Typeedge_agent");
    expect(guide).toHaveTextContent("Hostairflow.example.com");
    expect(guide).toHaveTextContent("path/x");
    expect(guide).toHaveTextContent("default_queueonprem");
    expect(screen.getByRole("region", { name: "connection" })).toHaveTextContent(
      /^AIRFLOW_CONN_EDGE_AGENT_DEFAULT='{.*"password":"est_x".*}'$/,
    );
  });

  test("an address that is none gives nothing to paste", async () => {
    answers("post", "/tokens", makeCreated("db-07", { token: "est_x" }), 201);
    const { user } = showTokens();
    await createForOperators(user);
    await user.clear(await screen.findByRole("textbox", { name: "Airflow's address" }));
    expect(screen.getByText(/This is no address/)).toBeVisible();
    expect(screen.queryByRole("region", { name: "connection" })).not.toBeInTheDocument();
  });
});

describe("rotating one", () => {
  test("the secret before goes on for a day unless something else is said", async () => {
    const asked = records("post", "/tokens/site-a/rotate", makeCreated("site-a"));
    const { user } = showTokens();
    await user.click(await screen.findByRole("button", { name: "Rotate site-a" }));
    const dialog = await screen.findByRole("dialog");
    expect(dialog).toHaveTextContent("Nothing that runs is disturbed.");
    await user.click(within(dialog).getByRole("button", { name: "Rotate token" }));
    expect(await screen.findByRole("region", { name: "secret" })).toHaveTextContent(SECRET);
    expect(asked[0]?.body).toEqual({ overlap_seconds: 86_400, expires_in_days: 90, reason: null });
    expect(screen.getByText("The secret before works for 1 d more.")).toBeVisible();
    expect(screen.getByRole("region", { name: "command that replaces the token file" })).toHaveTextContent(SECRET);
  });

  test("without an overlap it says that the sessions end at once", async () => {
    const asked = records("post", "/tokens/site-a/rotate", makeCreated("site-a"));
    const { user } = showTokens();
    await user.click(await screen.findByRole("button", { name: "Rotate site-a" }));
    await user.selectOptions(await screen.findByRole("combobox", { name: "The secret before works for" }), "0");
    const dialog = await screen.findByRole("alertdialog");
    expect(dialog).toHaveTextContent("Every session of the token ends at once.");
    await user.click(within(dialog).getByRole("button", { name: "Rotate token" }));
    await waitFor(() => expect(asked[0]?.body).toMatchObject({ overlap_seconds: 0 }));
  });

  test("of a submit token it says what becomes of operators, and where the new secret goes", async () => {
    const asked = records("post", "/tokens/site-a/rotate", makeCreated("site-a", { token: "est_y" }));
    const { user } = showTokens([makeToken({ kind: "submit" })]);
    await user.click(await screen.findByRole("button", { name: "Rotate site-a" }));
    const overlap = await screen.findByRole("combobox", { name: "The secret before works for" });
    expect(screen.getByRole("dialog")).toHaveTextContent("Write the new secret to its connections in Airflow");
    await user.selectOptions(overlap, "0");
    const dialog = await screen.findByRole("alertdialog");
    expect(dialog).toHaveTextContent("operators that wait for a command fail unless their connection has the new one");
    await user.click(within(dialog).getByRole("button", { name: "Rotate token" }));
    expect(await screen.findByRole("region", { name: "secret" })).toHaveTextContent("est_y");
    expect(screen.getByText(/Write it as the password of each connection/)).toBeVisible();
    expect(asked).toHaveLength(1);
  });

  test("what is refused says why", async () => {
    refuses("post", "/tokens/site-a/rotate", "there are 50 tokens, and [edge_agent] max_tokens allows 50", 422);
    const { user } = showTokens();
    await user.click(await screen.findByRole("button", { name: "Rotate site-a" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Rotate token" }));
    expect(await screen.findByText(/max_tokens allows 50/)).toBeVisible();
  });
});

describe("revoking one", () => {
  test("it says whose sessions end, and hands on the reason", async () => {
    answers("get", "/agents", makeAgentsPage([makeAgent({ name: "db-07" }), makeAgent({ name: "db-08" })]));
    const asked = records("delete", "/tokens/site-a", { ended_sessions: 2 });
    const { user } = showTokens();
    await user.click(await screen.findByRole("button", { name: "Revoke site-a" }));
    const dialog = await screen.findByRole("alertdialog");
    expect(await within(dialog).findByText("Registered with it: db-07, db-08.")).toBeVisible();
    await user.type(within(dialog).getByRole("textbox", { name: "Reason" }), "leaked");
    await user.click(within(dialog).getByRole("button", { name: "Revoke token" }));
    expect(await screen.findByText("2 sessions ended with it")).toBeInTheDocument();
    expect(asked[0]?.url.searchParams.get("reason")).toBe("leaked");
  });

  test.each([
    [3, "3 commands have not ended."],
    [1, "1 command has not ended."],
    [0, "No command of it is open."],
  ])("of a submit token with %s open commands it says: %s", async (total, words) => {
    const asked = records("get", "/jobs", makeJobsPage([], { total }));
    const { user } = showTokens([makeToken({ kind: "submit" })]);
    await user.click(await screen.findByRole("button", { name: "Revoke site-a" }));
    const dialog = await screen.findByRole("alertdialog");
    expect(await within(dialog).findByText(words)).toBeVisible();
    expect(dialog).toHaveTextContent("Tasks that wait for a command of it fail");
    expect(asked[0]?.url.search).toBe("?kind=command&token=site-a&state=queued&state=offered&state=running&limit=1");
  });

  test("what is refused says why", async () => {
    refuses("delete", "/tokens/site-a", "there is no token named 'site-a'", 404);
    const { user } = showTokens();
    await user.click(await screen.findByRole("button", { name: "Revoke site-a" }));
    await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Revoke token" }));
    expect(await screen.findByText("there is no token named 'site-a'")).toBeVisible();
  });
});
