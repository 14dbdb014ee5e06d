import { expect, test } from "vitest";
import { createQueryClient, every, INTERVAL } from "./polling";

/** Ask a server that answers like this; return how long the page would wait after each answer. */
async function waits(interval: number, ...answers: ("good" | "bad")[]): Promise<number[]> {
  const client = createQueryClient();
  const rest = [...answers];
  const queryKey = ["it"];
  const queryFn = () => (rest.shift() === "good" ? Promise.resolve(1) : Promise.reject(new Error("away")));
  const after: number[] = [];
  for (const _ of answers) {
    await client.fetchQuery({ queryKey, queryFn, staleTime: 0 }).catch(() => null);
    const query = client.getQueryCache().find({ queryKey });
    after.push(query === undefined ? Number.NaN : every(interval)(query));
  }
  return after;
}

test("each failure in a row doubles the wait, up to a minute", async () => {
  const expected = [10_000, 20_000, 40_000, 60_000, 60_000];
  expect(await waits(INTERVAL, "bad", "bad", "bad", "bad", "bad")).toEqual(expected);
});

test("an answer ends the row", async () => {
  const expected = [5_000, 10_000, 20_000, 5_000, 10_000];
  expect(await waits(INTERVAL, "good", "bad", "bad", "good", "bad")).toEqual(expected);
});

test("what is asked for rarely is not asked for more often when it fails", async () => {
  expect(await waits(300_000, "bad")).toEqual([300_000]);
});
