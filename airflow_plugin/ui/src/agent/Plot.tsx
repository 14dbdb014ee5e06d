import { Box, chakra, Flex, Text } from "@chakra-ui/react";
import { type PointerEvent, useState } from "react";

import { areaOf, type Frame, lineOf } from "./curves";

export interface PlotProps {
  /** What is plotted, such as "Load". */
  title: string;
  /** One for each column; null where nothing is known, which leaves a gap. */
  values: readonly (number | null)[];
  /** A second line that the first is to be seen against, such as how many slots there are. */
  against?: readonly (number | null)[];
  /** The value at the top. Without it the largest there is. */
  top?: number;
  /** Say a value for people. */
  say: (value: number) => string;
  /** Say when a column was. */
  when: (index: number) => string;
}

const WIDTH = 300;
const HEIGHT = 60;

/** A small plot over time. The numbers are in its label, too, for those who do not see it. */
export function Plot({ title, values, against, top, say, when }: PlotProps) {
  const [pointed, setPointed] = useState<number | null>(null);
  const known = values.filter((value) => value !== null);
  const highest = Math.max(...known, ...(against ?? []).filter((value) => value !== null), 0);
  const frame: Frame = { width: WIDTH, height: HEIGHT, top: (top ?? highest) || 1, count: values.length };
  const latest = values.findLastIndex((value) => value !== null);

  function at(index: number) {
    const value = values[index] ?? null;
    const limit = against?.[index] ?? null;
    return value === null ? "nothing recorded" : say(value) + (limit === null ? "" : ` of ${say(limit)}`);
  }

  function point(event: PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * values.length);
    setPointed(Math.min(Math.max(index, 0), values.length - 1));
  }

  return (
    <Box borderWidth={1} borderColor="border" borderRadius="md" p={3} minW={0}>
      <Flex justify="space-between" gap={2} mb={1} fontSize="sm">
        <Text fontWeight="semibold">{title}</Text>
        <Text color="fg.muted" fontVariantNumeric="tabular-nums" truncate>
          {pointed === null ? at(latest) : `${when(pointed)}: ${at(pointed)}`}
        </Text>
      </Flex>
      <chakra.svg
        role="img"
        aria-label={summary(title, known, at(latest), say)}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        display="block"
        width="100%"
        height="60px"
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      >
        <chakra.path d={areaOf(values, frame)} fill="brand.muted" />
        <chakra.path d={lineOf(values, frame)} fill="none" stroke="brand.fg" strokeWidth={1.5} {...UNSCALED} />
        {against === undefined ? null : (
          <chakra.path
            d={lineOf(against, frame)}
            fill="none"
            stroke="fg.muted"
            strokeDasharray="4 3"
            strokeWidth={1}
            {...UNSCALED}
          />
        )}
        {pointed === null ? null : (
          <chakra.path
            d={`M${((pointed + 0.5) / values.length) * WIDTH} 0V${HEIGHT}`}
            stroke="fg.muted"
            strokeWidth={1}
            {...UNSCALED}
          />
        )}
      </chakra.svg>
      <Flex justify="space-between" fontSize="xs" color="fg.muted" mt={1} aria-hidden>
        <span>{when(0)}</span>
        <span>{known.length === 0 ? null : `0 to ${say(frame.top)}`}</span>
        <span>{when(values.length - 1)}</span>
      </Flex>
    </Box>
  );
}

const UNSCALED = { vectorEffect: "non-scaling-stroke" } as const;

function summary(title: string, known: readonly number[], latest: string, say: (value: number) => string): string {
  if (known.length === 0) {
    return `${title}: nothing recorded`;
  }
  return `${title}: latest ${latest}, lowest ${say(Math.min(...known))}, highest ${say(Math.max(...known))}`;
}
