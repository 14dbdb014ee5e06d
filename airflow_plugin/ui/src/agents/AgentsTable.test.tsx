import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { show } from "../testing/render";
import { makeAgent } from "../testing/samples";
import { isLookedAtBy, records } from "../testing/server";
import { AgentsTable } from "./AgentsTable";

const AGENTS = ["a", "b", "c"].map((name) => makeAgent({ name }));

beforeEach(() => isLookedAtBy());

test("selected agents are steered together", async () => {
  const asked = records("put", "/agents/:name/cordon", null, 204);
  const { user } = show(<AgentsTable agents={AGENTS} sort="name" onSort={() => {}} />);
  await user.click(await screen.findByRole("checkbox", { name: "Select agent a" }));
  await user.click(screen.getByRole("checkbox", { name: "Select agent c" }));
  expect(await screen.findByText("2 selected")).toBeVisible();
  await user.click(within(screen.getByRole("group", { name: "Actions on 2 agents" })).getByText("Cordon"));
  const dialog = within(await screen.findByRole("dialog", { name: "Cordon 2 agents" }));
  expect(dialog.getByText("a and c")).toBeVisible();
  await user.click(dialog.getByRole("button", { name: "Cordon" }));
  await waitFor(() => expect(asked).toHaveLength(2));
});

test("all of a page are selected, and none again", async () => {
  const { user } = show(<AgentsTable agents={AGENTS} sort="name" onSort={() => {}} />);
  const all = await screen.findByRole("checkbox", { name: "Select all agents of this page" });
  await user.click(all);
  expect(await screen.findByText("3 selected")).toBeVisible();
  await user.click(all);
  await waitFor(() => expect(screen.queryByText("3 selected")).toBeNull());
});

test("the menu of a row asks about its agent", async () => {
  const { user } = show(<AgentsTable agents={AGENTS} sort="name" onSort={() => {}} />);
  await user.click(await screen.findByRole("button", { name: "Actions on agent b" }));
  await user.click(await screen.findByRole("menuitem", { name: "Drain" }));
  const dialog = await screen.findByRole("dialog", { name: "Drain agent b" });
  await waitFor(() => expect(dialog.contains(document.activeElement)).toBe(true));
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.getByRole("button", { name: "Actions on agent b" })).toHaveFocus());
});
