import { Badge, Link, Table } from "@chakra-ui/react";
import { memo } from "react";
import { Link as RouterLink } from "react-router-dom";
import type { AgentView } from "../api/types";
import { useSearch } from "../app/search";
import { Ago } from "../parts/Ago";
import { HealthBadge } from "../parts/HealthBadge";
import { Small } from "../parts/Small";
import { Tick } from "../parts/Tick";
import { AgentFacts } from "./AgentFacts";

export interface AgentRowProps {
  agent: AgentView;
  isSelected: boolean;
  /** Null for who may not steer. */
  onSelect: ((name: string, isSelected: boolean) => void) | null;
}

/** An agent in the table. With each answer only its last heartbeat is another: no more than that is drawn anew. */
export const AgentRow = memo(function AgentRow({ agent, isSelected, onSelect }: AgentRowProps) {
  const { name, hostname, address, host_conflicts } = agent;
  return (
    <Table.Row {...(isSelected ? { "data-selected": "" } : {})} verticalAlign="top">
      {onSelect === null ? null : <Selection name={name} isSelected={isSelected} onSelect={onSelect} />}
      <Identity name={name} hostname={hostname} address={address} host_conflicts={host_conflicts} />
      <Table.Cell>
        <HealthBadge agent={agent} />
        <Small>
          <Ago at={agent.last_seen_at} />
        </Small>
      </Table.Cell>
      <AgentFacts agent={agent} maySteer={onSelect !== null} />
    </Table.Row>
  );
});

const Selection = memo(function Selection({ name, isSelected, onSelect }: SelectionProps) {
  return (
    <Table.Cell>
      <Tick label={`Select agent ${name}`} isChecked={isSelected} onChange={(isChecked) => onSelect(name, isChecked)} />
    </Table.Cell>
  );
});

interface SelectionProps {
  name: string;
  isSelected: boolean;
  onSelect: (name: string, isSelected: boolean) => void;
}

const Identity = memo(function Identity({ name, hostname, address, host_conflicts }: IdentityProps) {
  const search = useSearch();
  return (
    <Table.Cell>
      <Link asChild color="fg.info" whiteSpace="nowrap">
        <RouterLink to={search.link({ agent: name })}>{name}</RouterLink>
      </Link>
      <Small>{hostname}</Small>
      <Small>{address}</Small>
      {host_conflicts === 0 ? null : (
        <Badge colorPalette="failed" borderRadius="full" title="Another host asked for this name, and was refused.">
          host conflict
        </Badge>
      )}
    </Table.Cell>
  );
});

type IdentityProps = Pick<AgentView, "name" | "hostname" | "address" | "host_conflicts">;
