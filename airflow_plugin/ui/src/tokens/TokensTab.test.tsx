import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { show } from "../testing/render";
import { makeAgent, makeAgentsPage } from "../testing/samples";
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
    expect(command).toHaveTextContent("install -m 600 /dev/stdin token");
    expect(command).toHaveTextContent('queues = ["onprem", "reports"]');
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

  test("a submit token comes with no agent to install", async () => {
    answers("post", "/tokens", makeCreated("db-07", { token: "est_x" }), 201);
    const { user } = showTokens();
    const dialog = await fillForm(user);
    await user.click(within(dialog).getByRole("button", { name: "More bounds" }));
    await user.selectOptions(await within(dialog).findByRole("combobox", { name: "For" }), "submit");
    expect(within(dialog).queryByRole("textbox", { name: "Agents" })).not.toBeInTheDocument();
    await user.click(within(dialog).getByRole("button", { name: "Create token" }));
    expect(await screen.findByRole("region", { name: "secret" })).toHaveTextContent("est_x");
    expect(screen.queryByText("Install an agent with it")).not.toBeInTheDocument();
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

  test("what is refused says why", async () => {
    refuses("delete", "/tokens/site-a", "there is no token named 'site-a'", 404);
    const { user } = showTokens();
    await user.click(await screen.findByRole("button", { name: "Revoke site-a" }));
    await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Revoke token" }));
    expect(await screen.findByText("there is no token named 'site-a'")).toBeVisible();
  });
});
