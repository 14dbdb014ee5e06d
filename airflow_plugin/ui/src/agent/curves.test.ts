import { expect, test } from "vitest";
import { areaOf, lineOf } from "./curves";

const FRAME = { width: 40, height: 10, top: 2, count: 4 };

test("a line goes over the whole width of each column, the top being the largest value", () => {
  expect(lineOf([0, 1, 2, 2], FRAME)).toBe("M0 10L10 10L10 5L20 5L20 0L30 0L30 0L40 0");
});

test("where nothing is known the line has a gap", () => {
  expect(lineOf([1, null, null, 2], FRAME)).toBe("M0 5L10 5M30 0L40 0");
});

test("an area reaches down to the bottom on both sides", () => {
  expect(areaOf([null, 2, null, null], FRAME)).toBe("M10 10L10 0L20 0L20 10Z");
});

test("what is above the top stays within the frame", () => {
  expect(lineOf([9, null, null, null], FRAME)).toBe("M0 0L10 0");
});

test("without a value there is no line", () => {
  expect(lineOf([null, null, null, null], FRAME)).toBe("");
});
