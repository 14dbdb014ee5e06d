import { HStack, NativeSelect, Tag, Wrap } from "@chakra-ui/react";
import { useSearch } from "../app/search";

import { SearchField } from "./SearchField";
import { PINS } from "./search";

export interface JobFiltersProps {
  queues: string[];
}

/** Narrows the list down by what a job is called, where it waits, and who has it. */
export function JobFilters({ queues }: JobFiltersProps) {
  const search = useSearch();
  const narrow = (name: string, value: string) => search.set({ [name]: value, offset: null }, { replace: true });
  const queue = search.get("queue");
  // One that is asked for and has no job any more must be seen to be taken away.
  const known = queue === "" || queues.includes(queue) ? queues : [queue, ...queues];
  const pinned = Object.entries(PINS).filter(([param]) => search.get(param) !== "");
  return (
    <Wrap gap={2} align="center">
      <SearchField label="Search jobs" value={search.get("q")} onSearch={(value) => narrow("q", value)} />
      <SearchField label="On agent" value={search.get("on")} onSearch={(value) => narrow("on", value)} />
      <Choice
        label="Queue"
        value={queue}
        onChoose={(value) => narrow("queue", value)}
        all="All queues"
        values={known}
      />
      <Choice
        label="Kind"
        value={search.get("kind")}
        onChoose={(value) => narrow("kind", value)}
        all="Tasks and commands"
        values={["task", "command"]}
      />
      <HStack gap={1} wrap="wrap">
        {pinned.map(([param, word]) => (
          <Tag.Root key={param} size="lg">
            <Tag.Label>
              {word} {search.get(param)}
            </Tag.Label>
            <Tag.EndElement>
              <Tag.CloseTrigger aria-label={`Of any ${word}`} onClick={() => narrow(param, "")} />
            </Tag.EndElement>
          </Tag.Root>
        ))}
      </HStack>
    </Wrap>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  values: readonly string[];
  all: string;
  onChoose: (value: string) => void;
}

function Choice({ label, value, values, all, onChoose }: ChoiceProps) {
  return (
    <NativeSelect.Root size="sm" width="auto">
      <NativeSelect.Field aria-label={label} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">{all}</option>
        {values.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  );
}
