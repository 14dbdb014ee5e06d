import { Button, Flex, Tag } from "@chakra-ui/react";
import { useCallback } from "react";
import { useSearch } from "../app/search";
import { Choice } from "../parts/Choice";
import { SearchBox } from "../parts/SearchBox";
import { FILTERS, isNarrowed, PINS } from "./search";

export interface JobFiltersProps {
  queues: string[];
}

/** Which jobs are shown: by what they are called, where they wait, and who has them. */
export function JobFilters({ queues }: JobFiltersProps) {
  const search = useSearch();
  const { set } = search;
  const narrow = (name: string, value: string | null) => set({ [name]: value, offset: null });
  const type = useCallback((text: string) => set({ q: text, offset: null }, { replace: true }), [set]);
  const typeAgent = useCallback((name: string) => set({ on: name, offset: null }, { replace: true }), [set]);
  const pinned = Object.entries(PINS).filter(([param]) => search.get(param) !== "");
  return (
    <Flex gap={2} wrap="wrap" align="center">
      <SearchBox label="Search jobs" value={search.get("q")} onChange={type} />
      <SearchBox label="Name of the agent" value={search.get("on")} onChange={typeAgent} />
      <Choice
        label="queues"
        options={queues}
        chosen={chosen(search.get("queue"))}
        onChange={([queue]) => narrow("queue", queue ?? null)}
        isSingle
      />
      <Choice
        label="kinds"
        options={["task", "command"]}
        chosen={chosen(search.get("kind"))}
        onChange={([kind]) => narrow("kind", kind ?? null)}
        isSingle
      />
      {pinned.map(([param, word]) => (
        <Tag.Root key={param} size="md" colorPalette="brand">
          <Tag.Label>
            {word}: {search.get(param)}
          </Tag.Label>
          <Tag.EndElement>
            <Tag.CloseTrigger aria-label={`Every ${word}, not only this`} onClick={() => narrow(param, null)} />
          </Tag.EndElement>
        </Tag.Root>
      ))}
      {isNarrowed(search) ? (
        <Button
          variant="ghost"
          size="sm"
          onClick={() => set({ ...Object.fromEntries(FILTERS.map((name) => [name, null])), offset: null })}
        >
          Clear filters
        </Button>
      ) : null}
    </Flex>
  );
}

function chosen(value: string): string[] {
  return value === "" ? [] : [value];
}
