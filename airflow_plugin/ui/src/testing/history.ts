// How an agent could have been, minute by minute.
import type { EventView, History, Sample } from "../api/types";

const MINUTE = 60_000;

/** The end of the newest minute of `makeHistory`. */
export const LATEST = Date.parse("2026-03-01T12:00:00Z");

/** A minute that ended so many minutes before the newest one. */
export function makeSample(minutesAgo: number, facts: Partial<Sample> = {}): Sample {
  return {
    at: new Date(LATEST - minutesAgo * MINUTE).toISOString(),
    state: "connected",
    heard: 6,
    expected: 6,
    slots: 8,
    used_slots: 2,
    running: 2,
    load_1m: 0.5,
    memory_used: 0.25,
    disk_free_bytes: 5 * 2 ** 30,
    ...facts,
  };
}

export function makeHistory(samples: Sample[]): History {
  return { step_seconds: 60, samples, server_time: new Date(LATEST + MINUTE / 2).toISOString() };
}

export function makeEvent(facts: Partial<EventView> = {}): EventView {
  return {
    id: 1,
    at: "2026-03-01T11:00:00Z",
    kind: "registered",
    by: null,
    reason: null,
    text: "Registered from host-a-1.",
    ...facts,
  };
}
