import { Table, VisuallyHidden } from "@chakra-ui/react";
import { useCallback, useState } from "react";
import type { AgentView } from "../api/types";
import { useMe } from "../app/me";
import { SortHeader } from "../parts/SortHeader";
import { Tick } from "../parts/Tick";
import { AgentRow } from "./AgentRow";
import { BulkBar } from "./BulkBar";

export interface AgentsTableProps {
  agents: AgentView[];
  sort: string;
  onSort: (sort: string) => void;
}

/** A page of agents; whoever may steer them selects some to steer together. */
export function AgentsTable({ agents, sort, onSort }: AgentsTableProps) {
  const { may_steer: maySteer } = useMe();
  const [names, setNames] = useState<ReadonlySet<string>>(new Set());
  const selected = agents.filter((agent) => names.has(agent.name));
  const sorting = { sort, onSort };
  const select = useCallback((name: string, isSelected: boolean) => {
    setNames((before) => new Set(isSelected ? [...before, name] : [...before].filter((each) => each !== name)));
  }, []);
  return (
    <>
      <Table.ScrollArea>
        <Table.Root striped aria-label="Agents">
          <Table.Header>
            <Table.Row>
              {maySteer ? (
                <Table.ColumnHeader width={8}>
                  <Tick
                    label="Select all agents of this page"
                    isChecked={selected.length === agents.length}
                    isPartial={selected.length > 0 && selected.length < agents.length}
                    onChange={(isChecked) => setNames(new Set(isChecked ? agents.map((agent) => agent.name) : []))}
                  />
                </Table.ColumnHeader>
              ) : null}
              <SortHeader by="name" {...sorting}>
                Agent
              </SortHeader>
              <SortHeader by="health" {...sorting}>
                Health
              </SortHeader>
              <Table.ColumnHeader>Cordon</Table.ColumnHeader>
              <Table.ColumnHeader>Queues</Table.ColumnHeader>
              <Table.ColumnHeader>Capabilities</Table.ColumnHeader>
              <SortHeader by="used" {...sorting}>
                Slots
              </SortHeader>
              <SortHeader by="running" {...sorting}>
                Running
              </SortHeader>
              <SortHeader by="version" {...sorting}>
                Versions
              </SortHeader>
              <Table.ColumnHeader>Token</Table.ColumnHeader>
              {maySteer ? (
                <Table.ColumnHeader width={8} position="sticky" insetEnd={0} backgroundColor="bg">
                  <VisuallyHidden>Actions</VisuallyHidden>
                </Table.ColumnHeader>
              ) : null}
            </Table.Row>
          </Table.Header>
          <Table.Body>
            {agents.map((agent) => (
              <AgentRow
                key={agent.name}
                agent={agent}
                isSelected={names.has(agent.name)}
                onSelect={maySteer ? select : null}
              />
            ))}
          </Table.Body>
        </Table.Root>
      </Table.ScrollArea>
      <BulkBar agents={selected} onClear={() => setNames(new Set())} />
    </>
  );
}
