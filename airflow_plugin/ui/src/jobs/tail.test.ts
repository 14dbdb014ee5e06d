import { describe, expect, test } from "vitest";
import type { LogPiece } from "../api/types";
import { append, endOf, prepend, startOf, type Tail } from "./tail";

function piece(start: number, text: string): LogPiece {
  const next = start + text.length;
  return { text, start_offset: start, next_offset: next, log_bytes: next, is_over: false, where: null };
}

const textOf = (tail: Tail) => tail.map((each) => each.text).join("");

describe("what is shown of a log", () => {
  test("small pieces are joined, so that a log that trickles stays a short list", () => {
    const tail = append(append([], piece(0, "one\n")), piece(4, "two\n"));
    expect(tail).toHaveLength(1);
    expect(textOf(tail)).toBe("one\ntwo\n");
    expect([startOf(tail), endOf(tail)]).toEqual([0, 8]);
  });

  test("a line is never cut by the border between two pieces", () => {
    const half = "x".repeat(65_536);
    const tail = append(append([], piece(0, half)), piece(half.length, "the rest\n"));
    expect(tail).toHaveLength(1);
  });

  test("the oldest is dropped beyond what a page can hold, and can be loaded again", () => {
    const block = `${"x".repeat(65_535)}\n`;
    let tail: Tail = [];
    for (let count = 0; count < 20; count += 1) {
      tail = append(tail, piece(count * block.length, block));
    }
    expect(textOf(tail).length).toBeLessThanOrEqual(1_000_000);
    expect(endOf(tail)).toBe(20 * block.length);
    expect(startOf(prepend(tail, piece(startOf(tail) - block.length, block)))).toBe(startOf(tail) - block.length);
  });

  test("what does not reach the beginning is not put before it", () => {
    const tail = append([], piece(100, "late\n"));
    expect(prepend(tail, piece(0, "early\n"))).toBe(tail);
  });

  test("an earlier piece that ends within a line is joined to what it goes on in", () => {
    const tail = prepend(append([], piece(3, "lo\n")), piece(0, "hel"));
    expect(tail).toHaveLength(1);
    expect(textOf(tail)).toBe("hello\n");
  });

  test("nothing read yet has no end", () => {
    expect(endOf([])).toBeNull();
    expect(startOf([])).toBe(0);
  });
});
