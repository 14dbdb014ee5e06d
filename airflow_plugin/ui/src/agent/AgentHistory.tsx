import { Button, Flex, Heading, SimpleGrid, Stack } from "@chakra-ui/react";
import { useMemo } from "react";
import { useAgentHistory } from "../api/queries";
import { useSearch } from "../app/search";
import { inZone, useTimeZone } from "../app/timezone";
import { Loading } from "../parts/Loading";
import { Trouble } from "../parts/Trouble";
import { bytesInWords } from "./bytes";
import { HeartbeatStrip } from "./HeartbeatStrip";
import { columnsOf, valuesOf } from "./history";
import { Plot } from "./Plot";

const SPANS = [1, 3, 24];
const USUAL = 3;

export interface AgentHistoryProps {
  agent: string;
}

/** How an agent was in the last hours: when it was heard, what it did, how its host was. */
export function AgentHistory({ agent }: AgentHistoryProps) {
  const search = useSearch();
  const asked = search.number("hours", USUAL);
  const hours = SPANS.includes(asked) ? asked : USUAL;
  const { data, error } = useAgentHistory(agent, hours);
  const timeZone = useTimeZone();
  const columns = useMemo(() => (data === undefined ? [] : columnsOf(data, hours)), [data, hours]);
  // Within some hours the time of day tells a moment; over a day its date belongs to it.
  const at = (time: number) => inZone(new Date(time).toISOString(), timeZone).slice(hours < 24 ? 11 : 5, 16);
  const when = (index: number) => at(columns[index]?.from ?? 0);
  return (
    <Stack as="section" gap={4} aria-labelledby="history">
      <Flex justify="space-between" align="center" wrap="wrap" gap={2}>
        <Heading as="h3" id="history" size="md">
          History
        </Heading>
        <Flex gap={1} role="group" aria-label="How far back">
          {SPANS.map((span) => (
            <Button
              key={span}
              size="xs"
              variant={span === hours ? "solid" : "outline"}
              aria-pressed={span === hours}
              onClick={() => search.set({ hours: span === USUAL ? null : span }, { replace: true })}
            >
              {span} h
            </Button>
          ))}
        </Flex>
      </Flex>
      <Trouble error={error} data={data} />
      {data === undefined && error === null ? <Loading rows={2} /> : null}
      {data === undefined ? null : (
        <>
          <HeartbeatStrip columns={columns} at={at} />
          <SimpleGrid columns={{ base: 1, md: 2, xl: 4 }} gap={3}>
            <Plot
              title="Slots used"
              values={valuesOf(columns, (sample) => sample.used_slots)}
              against={valuesOf(columns, (sample) => sample.slots)}
              say={String}
              when={when}
            />
            <Plot
              title="Load (1 min)"
              values={valuesOf(columns, (sample) => sample.load_1m)}
              say={(load) => load.toFixed(2)}
              when={when}
            />
            <Plot
              title="Memory used"
              values={valuesOf(columns, (sample) => sample.memory_used)}
              top={1}
              say={(part) => `${Math.round(part * 100)} %`}
              when={when}
            />
            <Plot
              title="Disk free"
              values={valuesOf(columns, (sample) => sample.disk_free_bytes)}
              say={bytesInWords}
              when={when}
            />
          </SimpleGrid>
        </>
      )}
    </Stack>
  );
}
