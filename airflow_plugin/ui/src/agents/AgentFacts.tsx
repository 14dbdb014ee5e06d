import { Link, Table, Text } from "@chakra-ui/react";
import { memo } from "react";
import { Link as RouterLink } from "react-router-dom";
import type { AgentView } from "../api/types";
import { searchOf } from "../app/search";
import { Bar } from "../parts/Bar";
import { CordonState } from "../parts/CordonState";
import { givenFirst } from "../parts/capabilities";
import { Small } from "../parts/Small";
import { Tags } from "../parts/Tags";
import { VersionList } from "../parts/VersionList";
import { AgentActions } from "./AgentActions";

export interface AgentFactsProps {
  agent: AgentView;
  maySteer: boolean;
}

/** As Chakra stripes the rows of a table: what lies above the others must be opaque and look like them. */
const STRIPE = { backgroundColor: "bg.muted" };

/** What of an agent's row mostly stays as it is from heartbeat to heartbeat. */
export const AgentFacts = memo(function AgentFacts({ agent, maySteer }: AgentFactsProps) {
  return (
    <>
      <Table.Cell>
        <CordonState agent={agent} />
      </Table.Cell>
      <Table.Cell>
        <Tags values={agent.queues} label={`queues of ${agent.name}`} />
        {agent.queues_overridden ? <Small>set here</Small> : null}
      </Table.Cell>
      <Table.Cell>
        <Tags values={givenFirst(agent.capabilities)} label={`capabilities of ${agent.name}`} most={3} />
      </Table.Cell>
      <Table.Cell>
        <Bar used={agent.used_slots} total={agent.slots} label="slots used" />
        {agent.slots_overridden ? <Small>set here</Small> : null}
      </Table.Cell>
      <Table.Cell>
        <Text fontVariantNumeric="tabular-nums">{agent.running}</Text>
        {agent.offered > 0 ? <Small>+{agent.offered} offered</Small> : null}
      </Table.Cell>
      <Table.Cell>
        <VersionList agent={agent} />
      </Table.Cell>
      <Table.Cell>
        {agent.token_name === null ? (
          <Small>none</Small>
        ) : (
          <Link asChild color="fg.info" whiteSpace="nowrap">
            <RouterLink to={searchOf({ token: agent.token_name })} title="Agents of this token">
              {agent.token_name}
            </RouterLink>
          </Link>
        )}
      </Table.Cell>
      {maySteer ? (
        // In sight however narrow the window is: it is what an admin comes for.
        <Table.Cell position="sticky" insetEnd={0} backgroundColor="bg" css={{ "tr:nth-of-type(odd) > &": STRIPE }}>
          <AgentActions agents={[agent]} look="menu" />
        </Table.Cell>
      ) : null}
    </>
  );
}, isSame);

/** Facts that are not in these cells, and are new with each heartbeat. */
const PASSING: ReadonlySet<string> = new Set(["last_seen_at", "missed", "health"] satisfies (keyof AgentView)[]);

/** What an answer did not change is the same object as before it: one look at each fact is enough. */
function isSame(before: AgentFactsProps, after: AgentFactsProps): boolean {
  const names = Object.keys(after.agent) as (keyof AgentView)[];
  const facts = names.filter((name) => !PASSING.has(name));
  return before.maySteer === after.maySteer && facts.every((name) => before.agent[name] === after.agent[name]);
}
