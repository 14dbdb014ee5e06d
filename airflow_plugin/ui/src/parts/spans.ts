// Spans of time in words.

const UNITS: [number, string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** `3 d 4 h`, `2 min 5 s`, `0 s`: the two greatest units that matter. */
export function inWords(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const words: string[] = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) {
      words.push(`${count} ${unit}`);
    } else if (words.length > 0) {
      break;
    }
    if (words.length === 2) {
      break;
    }
  }
  return words.join(" ") || "0 s";
}

/** Seconds from one moment to another; both as the server writes them, or milliseconds. */
export function secondsBetween(from: string | number, to: string | number): number {
  return (millis(to) - millis(from)) / 1000;
}

function millis(at: string | number): number {
  return typeof at === "number" ? at : Date.parse(at);
}
