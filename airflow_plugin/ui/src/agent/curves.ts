/** The size of a plot and the scale of its values: 0 is at the bottom, `top` at the top. */
export interface Frame {
  width: number;
  height: number;
  top: number;
  count: number;
}

type Values = readonly (number | null)[];

/** Return an SVG path through the values, interrupted where there are none. */
export function lineOf(values: Values, frame: Frame): string {
  return stretchesOf(values)
    .map((stretch) => `M${corners(stretch, frame).join("L")}`)
    .join("");
}

/** Return an SVG path around what lies below the values. */
export function areaOf(values: Values, frame: Frame): string {
  return stretchesOf(values)
    .map((stretch) => {
      const [left, right] = [edge(stretch.from, frame), edge(stretch.from + stretch.values.length, frame)];
      return `M${left} ${frame.height}L${corners(stretch, frame).join("L")}L${right} ${frame.height}Z`;
    })
    .join("");
}

interface Stretch {
  from: number;
  values: readonly number[];
}

function stretchesOf(values: Values): Stretch[] {
  const stretches: { from: number; values: number[] }[] = [];
  let before: number | null = null;
  values.forEach((value, index) => {
    if (value !== null) {
      if (before === null) {
        stretches.push({ from: index, values: [] });
      }
      stretches.at(-1)?.values.push(value);
    }
    before = value;
  });
  return stretches;
}

/** A column is as wide as its time: it starts and ends at its edges, so that a single one is seen, too. */
function corners({ from, values }: Stretch, frame: Frame): string[] {
  return values.flatMap((value, index) => {
    const y = round(frame.height * (1 - Math.min(value / frame.top, 1)));
    return [`${edge(from + index, frame)} ${y}`, `${edge(from + index + 1, frame)} ${y}`];
  });
}

function edge(index: number, frame: Frame): number {
  return round((index / frame.count) * frame.width);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
