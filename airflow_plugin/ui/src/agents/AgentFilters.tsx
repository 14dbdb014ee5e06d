import { Button, Flex, Tag } from "@chakra-ui/react";
import { useCallback } from "react";
import type { AgentsPage } from "../api/types";
import { useSearch } from "../app/search";
import { Choice } from "../parts/Choice";
import { SearchBox } from "../parts/SearchBox";
import { HealthFilter } from "./HealthFilter";
import { FILTERS } from "./useAgentsQuery";

const CORDON = { yes: "cordoned", no: "not cordoned" } as const;

/** Which agents are shown. Each change begins at the first page. */
export function AgentFilters({ page }: { page: AgentsPage }) {
  const search = useSearch();
  const { set } = search;
  const type = useCallback((text: string) => set({ search: text, offset: null }, { replace: true }), [set]);
  const cordoned = Object.entries(CORDON).filter(([value]) => value === search.get("cordoned"));
  const token = search.get("token");
  return (
    <>
      <Flex gap={2} mb={2} flexWrap="wrap" alignItems="center">
        <SearchBox label="Search name, host or address" value={search.get("search")} onChange={type} />
        <Choice
          label="queues"
          options={page.queues}
          chosen={search.all("queue")}
          onChange={(queue) => set({ queue, offset: null })}
        />
        <Choice
          label="capabilities"
          options={page.capabilities}
          chosen={search.all("capability")}
          onChange={(capability) => set({ capability, offset: null })}
        />
        <Choice
          label="cordon"
          none="Cordon: any"
          options={Object.values(CORDON)}
          chosen={cordoned.map(([, text]) => text)}
          onChange={([text]) =>
            set({ cordoned: Object.entries(CORDON).find(([, each]) => each === text)?.[0] ?? null, offset: null })
          }
          isSingle
        />
        {FILTERS.some((name) => search.get(name) !== "") ? (
          <Button
            variant="ghost"
            size="sm"
            onClick={() => set({ ...Object.fromEntries(FILTERS.map((name) => [name, null])), offset: null })}
          >
            Clear filters
          </Button>
        ) : null}
      </Flex>
      <Flex gap={2} flexWrap="wrap" alignItems="center">
        <HealthFilter
          counts={page.counts}
          chosen={search.all("health")}
          onChange={(health) => set({ health, offset: null })}
        />
        {token === "" ? null : (
          <Tag.Root size="md" colorPalette="brand">
            <Tag.Label>token: {token}</Tag.Label>
            <Tag.EndElement>
              <Tag.CloseTrigger aria-label={`All tokens, not only ${token}`} onClick={() => set({ token: null })} />
            </Tag.EndElement>
          </Tag.Root>
        )}
      </Flex>
    </>
  );
}
