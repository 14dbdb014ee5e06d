import { describe, expect, test } from "vitest";
import { LATEST, makeHistory, makeSample } from "../testing/history";
import { columnsOf, outagesOf, valuesOf } from "./history";

const MINUTE = 60_000;

describe("the minutes of an agent", () => {
  test("each has its column, and the newest ends the strip", () => {
    const columns = columnsOf(makeHistory([makeSample(1), makeSample(0)]), 1);
    expect(columns).toHaveLength(60);
    expect(columns.at(-1)).toMatchObject({ from: LATEST - MINUTE, to: LATEST, hearing: "heard" });
    expect(columns.at(-2)).toMatchObject({ to: LATEST - MINUTE, hearing: "heard" });
    expect(columns.at(-3)).toMatchObject({ hearing: "unrecorded", samples: [] });
  });

  test("over a day several share a column, which is as bad as the worst of them", () => {
    const columns = columnsOf(makeHistory([makeSample(1, { heard: 2 }), makeSample(0)]), 24);
    expect(columns).toHaveLength(180);
    expect(columns.filter((column) => column.hearing === "missed")).toHaveLength(1);
  });

  test("without any sample there are only gaps, up to now", () => {
    const columns = columnsOf(makeHistory([]), 3);
    expect(columns).toHaveLength(180);
    expect(columns.every((column) => column.hearing === "unrecorded")).toBe(true);
  });

  test("a sample from before the strip is left out", () => {
    const columns = columnsOf(makeHistory([makeSample(90), makeSample(0)]), 1);
    expect(columns.filter((column) => column.samples.length > 0)).toHaveLength(1);
  });
});

describe("what was missed", () => {
  test("minutes in a row are one outage, with what was missed in all of them; the newest comes first", () => {
    const columns = columnsOf(
      makeHistory([
        makeSample(6, { heard: 4 }),
        makeSample(5, { heard: 5 }),
        makeSample(4),
        makeSample(3, { heard: 0, state: "lost" }),
        makeSample(2, { heard: 0, state: "lost" }),
        makeSample(1),
        makeSample(0),
      ]),
      1,
    );
    expect(outagesOf(columns)).toEqual([
      { from: LATEST - 4 * MINUTE, to: LATEST - 2 * MINUTE, missed: 12, expected: 12, hearing: "lost" },
      { from: LATEST - 7 * MINUTE, to: LATEST - 5 * MINUTE, missed: 3, expected: 12, hearing: "missed" },
    ]);
  });

  test("more heartbeats than expected are none missed", () => {
    expect(outagesOf(columnsOf(makeHistory([makeSample(0, { heard: 7 })]), 1))).toEqual([]);
  });

  test("an agent that has left misses nothing", () => {
    const columns = columnsOf(makeHistory([makeSample(0, { state: "offline", heard: 0, expected: 0 })]), 1);
    expect(outagesOf(columns)).toMatchObject([{ hearing: "offline", missed: 0 }]);
  });
});

test("a plot has a value where there is a sample, and a gap where there is none", () => {
  const columns = columnsOf(makeHistory([makeSample(2, { load_1m: 1.5 }), makeSample(0, { load_1m: null })]), 1);
  expect(valuesOf(columns, (sample) => sample.load_1m).slice(-3)).toEqual([1.5, null, null]);
});
