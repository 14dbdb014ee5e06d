import { Badge, Checkbox, Link, Table, Text } from "@chakra-ui/react";
import { memo, type ReactNode } from "react";
import { Link as RouterLink } from "react-router-dom";
import type { AgentView } from "../api/types";
import { searchOf, useSearch } from "../app/search";
import { Ago } from "../parts/Ago";
import { Bar } from "../parts/Bar";
import { CordonState } from "../parts/CordonState";
import { capabilityTags } from "../parts/capabilities";
import { HealthBadge } from "../parts/HealthBadge";
import { Tags } from "../parts/Tags";
import { VersionList } from "../parts/VersionList";
import { AgentActions } from "./AgentActions";

export interface AgentRowProps {
  agent: AgentView;
  isSelected: boolean;
  /** Null for who may not steer. */
  onSelect: ((name: string, isSelected: boolean) => void) | null;
}

/** An agent in the table; drawn anew only when the agent changed. */
export const AgentRow = memo(function AgentRow({ agent, isSelected, onSelect }: AgentRowProps) {
  const search = useSearch();
  return (
    <Table.Row {...(isSelected ? { "data-selected": "" } : {})} verticalAlign="top">
      {onSelect === null ? null : (
        <Table.Cell>
          <Checkbox.Root checked={isSelected} onCheckedChange={({ checked }) => onSelect(agent.name, checked === true)}>
            <Checkbox.HiddenInput />
            <Checkbox.Control />
            <Checkbox.Label srOnly>Select agent {agent.name}</Checkbox.Label>
          </Checkbox.Root>
        </Table.Cell>
      )}
      <Table.Cell>
        <Link asChild color="fg.info" whiteSpace="nowrap">
          <RouterLink to={search.link({ agent: agent.name })}>{agent.name}</RouterLink>
        </Link>
        <Muted>{agent.hostname}</Muted>
        <Muted>{agent.address}</Muted>
        {agent.host_conflicts === 0 ? null : (
          <Badge colorPalette="failed" borderRadius="full" title="Another host asked for this name, and was refused.">
            host conflict
          </Badge>
        )}
      </Table.Cell>
      <Table.Cell>
        <HealthBadge agent={agent} />
        <Muted>
          <Ago at={agent.last_seen_at} />
        </Muted>
      </Table.Cell>
      <Table.Cell>
        <CordonState agent={agent} />
      </Table.Cell>
      <Table.Cell>
        <Tags values={agent.queues} label={`queues of ${agent.name}`} />
        {agent.queues_overridden ? <Muted>set here</Muted> : null}
      </Table.Cell>
      <Table.Cell>
        <Tags values={capabilityTags(agent.capabilities)} label={`capabilities of ${agent.name}`} />
      </Table.Cell>
      <Table.Cell>
        <Bar used={agent.used_slots} total={agent.slots} label="slots used" />
        {agent.slots_overridden ? <Muted>set here</Muted> : null}
      </Table.Cell>
      <Table.Cell>
        <Text fontVariantNumeric="tabular-nums">{agent.running}</Text>
        {agent.offered > 0 ? <Muted>+{agent.offered} offered</Muted> : null}
      </Table.Cell>
      <Table.Cell>
        <VersionList agent={agent} />
      </Table.Cell>
      <Table.Cell>
        {agent.token_name === null ? (
          <Muted>revoked</Muted>
        ) : (
          <Link asChild color="fg.info" whiteSpace="nowrap">
            <RouterLink to={searchOf({ token: agent.token_name })} title="Agents of this token">
              {agent.token_name}
            </RouterLink>
          </Link>
        )}
      </Table.Cell>
      {onSelect === null ? null : (
        <Table.Cell>
          <AgentActions agents={[agent]} look="menu" />
        </Table.Cell>
      )}
    </Table.Row>
  );
});

function Muted({ children }: { children: ReactNode }) {
  return (
    <Text fontSize="xs" color="fg.muted" whiteSpace="nowrap">
      {children}
    </Text>
  );
}
