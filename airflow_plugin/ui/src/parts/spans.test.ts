import { expect, test } from "vitest";
import { inWords, secondsBetween } from "./spans";

test.each([
  [0, "0 s"],
  [-3, "0 s"],
  [59.4, "59 s"],
  [60, "1 min"],
  [125, "2 min 5 s"],
  [3_605, "1 h"],
  [90_000, "1 d 1 h"],
])("%d seconds are told as %s", (seconds, words) => {
  expect(inWords(seconds)).toBe(words);
});

test("moments may be written by the server or counted in milliseconds", () => {
  expect(secondsBetween("2026-03-01T12:00:00Z", Date.UTC(2026, 2, 1, 12, 1))).toBe(60);
});
