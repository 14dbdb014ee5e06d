// Times as Airflow writes them, in the time zone that its user chose.
import { useSyncExternalStore } from "react";

const KEY = "timezone";

/** The zone chosen in Airflow's menu, else the browser's. Follows a change at once. */
export function useTimeZone(): string {
  return useSyncExternalStore(subscribe, chosenZone);
}

/** `2026-03-01 14:05:09`, in a zone. */
export function inZone(iso: string, timeZone: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) {
    return iso;
  }
  // Swedish writes dates the way Airflow does.
  return formatter(timeZone).format(at);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  let found = formatters.get(timeZone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone });
    formatters.set(timeZone, found);
  }
  return found;
}

function chosenZone(): string {
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    const zone: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    // Throws on a zone that this browser does not know.
    return typeof zone === "string" && new Intl.DateTimeFormat("sv-SE", { timeZone: zone }) ? zone : local;
  } catch {
    return local;
  }
}

function subscribe(listener: () => void): () => void {
  // The shell announces its own changes as `local-storage`, the browser those of other tabs as `storage`.
  addEventListener("storage", listener);
  addEventListener("local-storage", listener);
  return () => {
    removeEventListener("storage", listener);
    removeEventListener("local-storage", listener);
  };
}
