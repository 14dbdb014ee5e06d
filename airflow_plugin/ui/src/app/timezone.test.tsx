import { act, renderHook } from "@testing-library/react";
import { expect, test } from "vitest";
import { inZone, useTimeZone } from "./timezone";

const CHOSEN = "timezone";
const LOCAL = Intl.DateTimeFormat().resolvedOptions().timeZone;

test("a moment is written the way Airflow writes it, in the zone that was chosen", () => {
  expect(inZone("2026-07-01T12:00:05Z", "Asia/Kolkata")).toBe("2026-07-01 17:30:05");
});

test("what is no moment is shown as it came", () => {
  expect(inZone("soon", "UTC")).toBe("soon");
});

test("the zone is the one that Airflow keeps, and follows when another is chosen", () => {
  localStorage.setItem(CHOSEN, JSON.stringify("Europe/Berlin"));
  const { result } = renderHook(useTimeZone);
  expect(result.current).toBe("Europe/Berlin");
  act(() => {
    localStorage.setItem(CHOSEN, JSON.stringify("America/New_York"));
    dispatchEvent(new StorageEvent("local-storage", { key: CHOSEN }));
  });
  expect(result.current).toBe("America/New_York");
});

test.each(["not JSON", JSON.stringify("Mars/Olympus"), "null", "7"])("a zone like %s is the browser's own", (kept) => {
  localStorage.setItem(CHOSEN, kept);
  expect(renderHook(useTimeZone).result.current).toBe(LOCAL);
});
