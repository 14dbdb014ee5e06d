import { expect, test } from "vitest";
import { makeToken } from "../testing/tokens";
import { expiryOf } from "./expiry";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const inDays = (days: number) => new Date(NOW + days * 86_400_000).toISOString();

test.each([
  [inDays(60), "60 days left", "success", true],
  [inDays(13.5), "13 days left", "warning", true],
  [inDays(0.5), "12 h left", "warning", true],
  [inDays(-1), "expired", "failed", false],
  [null, "never expires", "info", true],
])("a token with the expiry %s is said to be: %s", (expires_at, words, palette, works) => {
  expect(expiryOf(makeToken({ expires_at }), NOW)).toEqual({ words, palette, works });
});

test("one that was revoked is that, whatever its expiry", () => {
  const token = makeToken({ revoked_at: inDays(-1), expires_at: inDays(60) });
  expect(expiryOf(token, NOW)).toEqual({ words: "revoked", palette: "gray", works: false });
});
