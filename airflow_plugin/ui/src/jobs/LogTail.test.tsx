import { screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { serveLog } from "../testing/logs";
import { show } from "../testing/render";
import { answers, isLookedAtBy, refuses } from "../testing/server";
import { LogTail } from "./LogTail";

const ID = "7a0f6c0e-0000-4000-8000-000000000001";

afterEach(() => vi.useRealTimers());

async function showLog() {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  isLookedAtBy();
  const shown = show(<LogTail jobId={ID} />);
  return { ...shown, log: await screen.findByRole("log") };
}

test("the log is read from its end, and grows as the job writes", async () => {
  const served = serveLog("one\n");
  const { log } = await showLog();
  expect(log).toHaveTextContent("one");
  expect(served.asked[0]).toBeLessThan(0);
  expect(screen.getByRole("status")).toHaveTextContent("Log: live");
  served.text += "two\n";
  await waitFor(() => expect(log).toHaveTextContent(/one\s*two/));
  expect(served.asked.slice(1).every((offset) => offset >= 4)).toBe(true);
});

test("while it is paused nothing is asked for, and following takes it up where it was", async () => {
  const served = serveLog("one\n");
  const { log, user } = await showLog();
  await user.click(screen.getByRole("button", { name: "Pause" }));
  expect(screen.getByRole("status")).toHaveTextContent("Log: paused");
  const before = served.asked.length;
  served.text += "two\n";
  await vi.advanceTimersByTimeAsync(10_000);
  expect(served.asked.length).toBeLessThanOrEqual(before + 1);
  await user.click(screen.getByRole("button", { name: "Follow" }));
  await waitFor(() => expect(log).toHaveTextContent(/one\s*two/));
});

test("a log that is over is complete, and is not asked for again", async () => {
  const served = serveLog("done\n", { isOver: true });
  await showLog();
  expect(screen.getByRole("status")).toHaveTextContent("Log: complete");
  expect(screen.queryByRole("button", { name: "Pause" })).not.toBeInTheDocument();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(served.asked).toHaveLength(1);
});

test("of a long log the end is shown, and what is before it on request", async () => {
  const early = "the first line\n";
  serveLog(`${early}${"x".repeat(99)}\n`.padEnd(65_536 + early.length, "y"), { isOver: true });
  const { log, user } = await showLog();
  expect(log).not.toHaveTextContent("the first line");
  await user.click(screen.getByRole("button", { name: "Load earlier lines" }));
  await waitFor(() => expect(log).toHaveTextContent("the first line"));
  expect(screen.queryByRole("button", { name: "Load earlier lines" })).not.toBeInTheDocument();
});

test("when the job went back to the queue and another agent writes, that one's log is shown", async () => {
  const served = serveLog("of the first agent\n");
  const { log } = await showLog();
  expect(log).toHaveTextContent("of the first agent");
  served.text = "second\n";
  await waitFor(() => expect(log).toHaveTextContent(/^second$/));
});

test("a job that has written nothing says so", async () => {
  serveLog("");
  const { log } = await showLog();
  expect(log).toHaveTextContent("Nothing has been written.");
});

test("where a log is that is not here any more stands above it", async () => {
  serveLog("", { isOver: true, where: "The log is in the remote log store by now." });
  await showLog();
  expect(screen.getByText("The log is in the remote log store by now.")).toBeVisible();
  expect(screen.queryByText("Nothing has been written.")).not.toBeInTheDocument();
});

test("a log that is not to be read is refused in the server's words", async () => {
  isLookedAtBy();
  refuses("get", `/jobs/${ID}/log`, "There is no such job, or its log is not yours to read.", 404);
  show(<LogTail jobId={ID} />);
  expect(await screen.findByText("There is no such job, or its log is not yours to read.")).toBeVisible();
});

test("an API that is away for a moment costs nothing that was read", async () => {
  const served = serveLog("one\n");
  const { log } = await showLog();
  answers("get", `/jobs/${ID}/log`, { reason: "unavailable", message: "The database is away." }, 503);
  expect(await screen.findByText("The database is away.", {})).toBeVisible();
  expect(log).toHaveTextContent("one");
  const back = serveLog(`${served.text}two\n`);
  await waitFor(() => expect(log).toHaveTextContent(/one\s*two/));
  expect(back.asked[0]).toBe(4);
});
