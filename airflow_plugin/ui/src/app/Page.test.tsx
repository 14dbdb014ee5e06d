import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { show } from "../testing/render";
import { makeAgent, makeAgentsPage } from "../testing/samples";
import { answers, isLookedAtBy, refuses } from "../testing/server";
import { Page } from "./Page";

test("tokens are there for who may grant them", async () => {
  isLookedAtBy();
  answers("get", "/agents", makeAgentsPage([makeAgent()]));
  const { user, search } = show(<Page />, { at: "/?search=x" });
  await user.click(await screen.findByRole("tab", { name: "Jobs" }));
  expect(search().toString()).toBe("tab=jobs");
  expect(screen.getByRole("tab", { name: "Tokens" })).toBeVisible();
});

test("tokens are not there for who may not, whatever the address says", async () => {
  isLookedAtBy({ may_grant: false });
  answers("get", "/agents", makeAgentsPage([makeAgent()]));
  show(<Page />, { at: "/?tab=tokens" });
  expect(await screen.findByRole("tab", { name: "Agents", selected: true })).toBeVisible();
  expect(screen.queryByRole("tab", { name: "Tokens" })).toBeNull();
});

test("whoever may not look is told why", async () => {
  refuses("get", "/me", "You may not see Airflow's jobs.", 403);
  show(<Page />);
  expect(await screen.findByText("You may not see Airflow's jobs.")).toBeVisible();
});
