import { Badge, Button, Wrap } from "@chakra-ui/react";
import type { JobsPage } from "../api/types";
import { useSearch } from "../app/search";
import { STATES, type StateChoice, stateOf } from "./search";

const WORDS: Record<StateChoice, string> = {
  "": "All",
  queued: "Queued",
  offered: "Offered",
  running: "Running",
  ended: "Ended",
};

export interface StateButtonsProps {
  /** Of all jobs there are, whatever the list is narrowed down to. */
  counts: JobsPage["counts"] | undefined;
}

/** Which jobs to look at, and how many there are of each. */
export function StateButtons({ counts }: StateButtonsProps) {
  const search = useSearch();
  const chosen = stateOf(search);
  return (
    <Wrap gap={2} role="group" aria-label="State">
      {STATES.map((state) => (
        <Button
          key={state}
          size="sm"
          variant={state === chosen ? "solid" : "outline"}
          aria-pressed={state === chosen}
          onClick={() => search.set({ state, offset: null })}
        >
          {WORDS[state]}
          {counts === undefined || state === "" ? null : (
            <Badge borderRadius="full" variant="subtle" fontVariantNumeric="tabular-nums">
              {counts[state]}
            </Badge>
          )}
        </Button>
      ))}
    </Wrap>
  );
}
