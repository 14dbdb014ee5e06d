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

/** What was kept when it was last looked at, and the zone it means: each moment on the page asks. */
let read: { kept: string | null; zone: string } | null = null;

function chosenZone(): string {
  const kept = localStorage.getItem(KEY);
  if (read === null || read.kept !== kept) {
    read = { kept, zone: zoneOf(kept) };
  }
  return read.zone;
}

function zoneOf(kept: string | null): string {
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    const zone: unknown = JSON.parse(kept ?? "null");
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
