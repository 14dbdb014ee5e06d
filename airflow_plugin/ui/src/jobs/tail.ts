import type { LogPiece } from "../api/types";

/** What is shown of a log: pieces one after the other, without a gap. Lines do not go over from one to the next. */
export type Tail = readonly LogPiece[];

/** Characters that stay on the page; older ones are dropped, to be loaded again on request. */
const MOST_CHARACTERS = 1_000_000;

/** Small pieces are joined up to this size, so that a log that trickles for hours stays a short list. */
const JOINED_CHARACTERS = 65_536;

/** Where the next bytes are, or null before the first piece. */
export function endOf(tail: Tail): number | null {
  return tail.at(-1)?.next_offset ?? null;
}

/** Where the shown text begins. */
export function startOf(tail: Tail): number {
  return tail[0]?.start_offset ?? 0;
}

/** Add what came after the end. Drops the oldest beyond what a page can hold. */
export function append(tail: Tail, piece: LogPiece): Tail {
  const last = tail.at(-1);
  const small = last !== undefined && last.text.length + piece.text.length <= JOINED_CHARACTERS;
  const joins = last !== undefined && (small || !last.text.endsWith("\n"));
  const pieces = joins ? [...tail.slice(0, -1), joined(last, piece)] : [...tail, piece];
  let size = pieces.reduce((sum, each) => sum + each.text.length, 0);
  while (size > MOST_CHARACTERS && pieces.length > 1) {
    size -= pieces.shift()?.text.length ?? 0;
  }
  return pieces;
}

/** Add what stands before the beginning. A piece that does not reach it changes nothing. */
export function prepend(tail: Tail, earlier: LogPiece): Tail {
  const [first, ...rest] = tail;
  if (first === undefined || earlier.next_offset !== first.start_offset) {
    return tail;
  }
  return earlier.text.endsWith("\n") ? [earlier, ...tail] : [joined(earlier, first), ...rest];
}

function joined(first: LogPiece, second: LogPiece): LogPiece {
  return { ...second, text: first.text + second.text, start_offset: first.start_offset };
}
