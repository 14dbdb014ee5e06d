import { expect, test } from "vitest";
import { every, INTERVAL } from "./polling";

const after = (failures: number) => every(INTERVAL)({ state: { fetchFailureCount: failures } });

test("each failure in a row doubles the wait, up to a minute", () => {
  expect([0, 1, 2, 3, 4, 100].map(after)).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test("what is asked for rarely is not asked for more often when it fails", () => {
  expect(every(300_000)({ state: { fetchFailureCount: 3 } })).toBe(300_000);
});
