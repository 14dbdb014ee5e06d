import type { History, Sample } from "../api/types";

/** What one column of the strip says; the worst of its minutes. */
export type Hearing = "heard" | "missed" | "lost" | "offline" | "unrecorded";

/** A stretch of time in the strip or in a plot. `samples` is empty where nothing was recorded. */
export interface Column {
  from: number;
  to: number;
  samples: readonly Sample[];
  hearing: Hearing;
  missed: number;
  expected: number;
}

/** Minutes in a row in which an agent was not heard as it should have been. */
export interface Outage {
  from: number;
  to: number;
  missed: number;
  expected: number;
  hearing: Hearing;
}

/** More columns than this are thinner than a finger or a pointer can hit. */
const MOST_COLUMNS = 180;

const BADNESS: readonly Hearing[] = ["unrecorded", "heard", "offline", "missed", "lost"];

/**
 * Lay samples on an even grid, so that what is absent shows as a gap.
 *
 * A sample tells of the minute that ended then. The grid ends with the newest, or a minute ago when there is none.
 */
export function columnsOf(history: History, hours: number): Column[] {
  const step = history.step_seconds * 1000;
  const steps = Math.max(1, Math.round((hours * 3_600_000) / step));
  const width = step * Math.ceil(steps / MOST_COLUMNS);
  const newest = Math.max(
    Date.parse(history.server_time) - 2 * step,
    ...history.samples.map(({ at }) => Date.parse(at)),
  );
  const last = Math.ceil(newest / width) * width;
  const count = Math.ceil((steps * step) / width);
  const first = last - count * width;
  const inColumn: Sample[][] = Array.from({ length: count }, () => []);
  for (const sample of history.samples) {
    inColumn[Math.ceil((Date.parse(sample.at) - first) / width) - 1]?.push(sample);
  }
  return inColumn.map((samples, index) => ({
    from: first + index * width,
    to: first + (index + 1) * width,
    samples,
    ...summed(samples),
  }));
}

/** Say when an agent was not heard as it should have been, newest first. */
export function outagesOf(columns: readonly Column[]): Outage[] {
  const found: Outage[] = [];
  let before: Column | undefined;
  for (const column of columns) {
    if (column.hearing === "missed" || column.hearing === "lost" || column.hearing === "offline") {
      const open = before?.hearing === column.hearing ? found.pop() : undefined;
      found.push({
        from: open?.from ?? column.from,
        to: column.to,
        missed: (open?.missed ?? 0) + column.missed,
        expected: (open?.expected ?? 0) + column.expected,
        hearing: column.hearing,
      });
    }
    before = column;
  }
  return found.reverse();
}

/** One value for each column, the last of its minutes; null where there is none. */
export function valuesOf(columns: readonly Column[], pick: (sample: Sample) => number | null): (number | null)[] {
  return columns.map((column) => {
    const last = column.samples.at(-1);
    return last === undefined ? null : pick(last);
  });
}

function summed(samples: readonly Sample[]): Pick<Column, "hearing" | "missed" | "expected"> {
  let hearing: Hearing = "unrecorded";
  let missed = 0;
  let expected = 0;
  for (const sample of samples) {
    const here = hearingOf(sample);
    if (BADNESS.indexOf(here) > BADNESS.indexOf(hearing)) {
      hearing = here;
    }
    missed += missedOf(sample);
    expected += sample.expected;
  }
  return { hearing, missed, expected };
}

function hearingOf(sample: Sample): Hearing {
  if (sample.state === "lost" || sample.state === "offline") {
    return sample.state;
  }
  return missedOf(sample) > 0 ? "missed" : "heard";
}

function missedOf(sample: Sample): number {
  return Math.max(0, sample.expected - sample.heard);
}
