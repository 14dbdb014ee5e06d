// Lists as people type them, and back.

/** `a, b` as `["a", "b"]`; null for nothing. */
export function wordsIn(text: string): string[] | null {
  const words = text
    .split(/[\s,]+/)
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return words.length === 0 ? null : words;
}

/** A pattern may stand for several names. */
export function isOneName(pattern: string): boolean {
  return !/[*?[\]]/.test(pattern);
}
