// The server's clock, as far as the page knows it: ages are told by it, not by the clock of whoever looks.
import { useSyncExternalStore } from "react";

let ahead = 0;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** Take note of the time that an answer carried. */
export function learnServerTime(iso: string): void {
  const said = Date.parse(iso);
  if (!Number.isNaN(said)) {
    ahead = said - Date.now();
  }
}

/** The server's time, in milliseconds since 1970, to the second. It ticks while somebody looks. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, snapshot);
}

/** The server's time at this moment. */
export function serverNow(): number {
  return Date.now() + ahead;
}

function snapshot(): number {
  if (timer === undefined) {
    now = thisSecond();
  }
  return now;
}

function thisSecond(): number {
  return Math.round(serverNow() / 1000) * 1000;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    tick();
    timer = setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function tick(): void {
  if (document.visibilityState === "hidden") {
    return;
  }
  now = thisSecond();
  for (const listener of listeners) {
    listener();
  }
}
