import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { MemoryRouter, useSearchParams } from "react-router-dom";
import { expect, test } from "vitest";
import { useSearch } from "./search";

function At({ children }: { children: ReactNode }) {
  return <MemoryRouter initialEntries={["/?search=x&sort=name"]}>{children}</MemoryRouter>;
}

const shown = () => renderHook(() => ({ search: useSearch(), address: String(useSearchParams()[0]) }), { wrapper: At });

test("what is clicked before the click before it is shown undoes none of it", () => {
  const { result } = shown();
  act(() => {
    result.current.search.set({ search: null });
    result.current.search.set({ health: ["lost"] });
  });
  expect(result.current.address).toBe("sort=name&health=lost");
});

test("what was shown is built on, not what was asked for before it", () => {
  const { result } = shown();
  act(() => result.current.search.set({ search: "y" }));
  act(() => result.current.search.reset({ tab: "jobs" }));
  act(() => result.current.search.set({ state: "queued" }));
  expect(result.current.address).toBe("tab=jobs&state=queued");
});
