// What the page shows stands in its address: it can be sent to somebody, and survives a reload.
// In search params only: the shell mounts the page anew when the path changes.
import { useCallback, useEffect } from "react";
import { useSearchParams } from "react-router-dom";

type Value = string | number | readonly string[] | null;

export interface Search {
  /** One value; "" when it is not there. */
  get: (name: string) => string;
  all: (name: string) => string[];
  /** A number, or what it is when the address says none or nonsense. */
  number: (name: string, otherwise: number) => number;
  /** Change some; null, "" and [] take one away. `replace` leaves no step to go back to. */
  set: (changes: Record<string, Value>, options?: { replace?: boolean }) => void;
  /** The address with some of it changed, for a link. */
  link: (changes: Record<string, Value>) => string;
  /** Drop everything that stands there for these. */
  reset: (values: Record<string, Value>) => void;
}

/** What was asked for and is not shown yet. What is clicked meanwhile builds on that, and undoes none of it. */
let asked: { from: string; to: URLSearchParams } | null = null;

export function useSearch(): Search {
  const [params, setParams] = useSearchParams();
  const go = useCallback(
    (to: URLSearchParams, replace = false) => {
      asked = { from: String(params), to };
      setParams(to, { replace });
    },
    [params, setParams],
  );
  const set = useCallback<Search["set"]>(
    (changes, options) => go(changed(asked?.from === String(params) ? asked.to : params, changes), options?.replace),
    [params, go],
  );
  const reset = useCallback<Search["reset"]>((values) => go(changed(new URLSearchParams(), values)), [go]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once these are shown, nothing is outstanding
  useEffect(() => {
    asked = null;
  }, [params]);
  return {
    get: (name) => params.get(name) ?? "",
    all: (name) => params.getAll(name),
    number: (name, otherwise) => {
      const value = Number.parseInt(params.get(name) ?? "", 10);
      return Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
    },
    set,
    link: (changes) => `?${changed(params, changes)}`,
    reset,
  };
}

/** The address of another view of the page, for a link. */
export function searchOf(values: Record<string, Value>): string {
  return `?${changed(new URLSearchParams(), values)}`;
}

function changed(before: URLSearchParams, changes: Record<string, Value>): URLSearchParams {
  const after = new URLSearchParams(before);
  for (const [name, value] of Object.entries(changes)) {
    after.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== "") {
        after.append(name, String(each));
      }
    }
  }
  return after;
}
