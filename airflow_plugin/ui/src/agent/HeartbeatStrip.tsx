import { Box, chakra, Flex, Heading, List, Text } from "@chakra-ui/react";

import { type Column, type Hearing, type Outage, outagesOf } from "./history";

export interface HeartbeatStripProps {
  columns: readonly Column[];
  /** Say a time of day. */
  at: (time: number) => string;
}

const HEIGHT = 28;

const COLOURS: Record<Hearing, string> = {
  heard: "success.solid",
  missed: "warning.solid",
  lost: "failed.solid",
  offline: "border.emphasized",
  unrecorded: "bg.muted",
};

/** What a colour means; height tells it, too, to those who do not tell colours apart. */
const HEIGHTS: Record<Hearing, number> = { heard: 1, missed: 0.6, lost: 0.3, offline: 0.15, unrecorded: 0.06 };

const WORDS: Record<Hearing, string> = {
  heard: "heard",
  missed: "some missed",
  lost: "lost",
  offline: "offline",
  unrecorded: "not recorded",
};

const LISTED = 5;

/** When an agent was heard and when it was not: as a strip to see, and in words below it. */
export function HeartbeatStrip({ columns, at }: HeartbeatStripProps) {
  const outages = outagesOf(columns);
  return (
    <Box as="section" aria-labelledby="heartbeats">
      <Flex justify="space-between" align="baseline" wrap="wrap" gap={2} mb={2}>
        <Heading as="h3" id="heartbeats" size="sm">
          Heartbeats
        </Heading>
        <Legend columns={columns} />
      </Flex>
      <chakra.svg
        role="img"
        aria-label={`Heartbeats from ${at(columns[0]?.from ?? 0)} on: ${outages.length === 0 ? "none missed" : `${outages.length} times some were missed`}`}
        viewBox={`0 0 ${columns.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        display="block"
        width="100%"
        height={`${HEIGHT}px`}
      >
        {columns.map((column, index) => (
          <chakra.rect
            key={column.from}
            x={index + 0.1}
            width={0.8}
            y={HEIGHT * (1 - HEIGHTS[column.hearing])}
            height={HEIGHT * HEIGHTS[column.hearing]}
            fill={COLOURS[column.hearing]}
          >
            <title>{`${at(column.from)}: ${said(column)}`}</title>
          </chakra.rect>
        ))}
      </chakra.svg>
      <Flex justify="space-between" fontSize="xs" color="fg.muted" mt={1} aria-hidden>
        <span>{at(columns[0]?.from ?? 0)}</span>
        <span>{at(columns.at(-1)?.to ?? 0)}</span>
      </Flex>
      <Outages outages={outages} at={at} />
    </Box>
  );
}

function Legend({ columns }: { columns: readonly Column[] }) {
  const present = new Set(columns.map((column) => column.hearing));
  return (
    <Flex gap={3} fontSize="xs" color="fg.muted" wrap="wrap">
      {(Object.keys(WORDS) as Hearing[])
        .filter((hearing) => present.has(hearing))
        .map((hearing) => (
          <Flex key={hearing} align="center" gap={1}>
            <Box boxSize={2} bg={COLOURS[hearing]} borderRadius="xs" borderWidth={1} borderColor="border" />
            {WORDS[hearing]}
          </Flex>
        ))}
    </Flex>
  );
}

function Outages({ outages, at }: { outages: readonly Outage[]; at: (time: number) => string }) {
  if (outages.length === 0) {
    return null;
  }
  return (
    <Box mt={2} fontSize="sm">
      <List.Root ps={4}>
        {outages.slice(0, LISTED).map((outage) => (
          <List.Item key={outage.from}>
            {at(outage.from)} to {at(outage.to)}: {said(outage)}
          </List.Item>
        ))}
      </List.Root>
      {outages.length > LISTED ? <Text color="fg.muted">and {outages.length - LISTED} more before that</Text> : null}
    </Box>
  );
}

function said({ hearing, missed, expected }: Pick<Outage, "hearing" | "missed" | "expected">): string {
  const count = `${missed} of ${expected} heartbeats missed`;
  switch (hearing) {
    case "lost":
      return expected > 0 ? `lost, ${count}` : "lost";
    case "missed":
      return count;
    default:
      return WORDS[hearing];
  }
}
