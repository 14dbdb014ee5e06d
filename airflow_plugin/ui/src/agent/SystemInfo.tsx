import { Link as ChakraLink, Heading } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import type { AgentView } from "../api/types";
import { useMe } from "../app/me";
import { searchOf } from "../app/search";
import { givenFirst } from "../parts/capabilities";
import { Fact, Facts } from "../parts/Facts";
import { inWords } from "../parts/spans";
import { Tags } from "../parts/Tags";
import { When } from "../parts/When";
import { bytesInWords } from "./bytes";

export interface SystemInfoProps {
  agent: AgentView;
}

/** What an agent says of itself and of its host. */
export function SystemInfo({ agent }: SystemInfoProps) {
  const { may_grant: mayGrant } = useMe();
  const host = numbersOf(agent.health);
  return (
    <section aria-labelledby="system">
      <Heading as="h3" id="system" size="md" mb={3}>
        System
      </Heading>
      <Facts>
        <Fact name="Host">{agent.hostname}</Fact>
        <Fact name="Address">{agent.address ?? "–"}</Fact>
        <Fact name="Capabilities">
          <Tags label="capabilities" values={givenFirst(agent.capabilities)} most={20} />
        </Fact>
        <Fact name="Takes">{agent.kinds.map((kind) => `${kind}s`).join(" and ")}</Fact>
        <Fact name="Slots">
          {agent.slots}
          {agent.slots_overridden ? ` (changed here; configured: ${agent.own_slots})` : null}
        </Fact>
        <Fact name="Queues">
          {agent.queues.join(", ")}
          {agent.queues_overridden ? ` (changed here; configured: ${agent.own_queues.join(", ")})` : null}
        </Fact>
        <Fact name="Versions">{versionsOf(agent)}</Fact>
        {host.load === null ? null : <Fact name="Load (1 min)">{host.load.toFixed(2)}</Fact>}
        {host.memoryFree === null ? null : (
          <Fact name="Memory">
            {bytesInWords(host.memoryFree)} free
            {host.memory === null ? null : ` of ${bytesInWords(host.memory)}`}
          </Fact>
        )}
        {host.diskFree === null ? null : <Fact name="Disk">{bytesInWords(host.diskFree)} free</Fact>}
        <Fact name="Heartbeats">
          every {inWords(agent.heartbeat_seconds)}, lost after {agent.missed_heartbeats} missed
        </Fact>
        <Fact name="Token">
          {agent.token_name !== null && mayGrant ? (
            <ChakraLink asChild color="fg.info">
              <Link to={searchOf({ tab: "tokens" })}>{agent.token_name}</Link>
            </ChakraLink>
          ) : (
            (agent.token_name ?? "–")
          )}
        </Fact>
        {agent.team_name === null ? null : <Fact name="Team">{agent.team_name}</Fact>}
        <Fact name="Registered">
          <When at={agent.registered_at} />
        </Fact>
        <Fact name="Host key">{agent.host_key}</Fact>
      </Facts>
    </section>
  );
}

function versionsOf({ versions, protocol_version: protocol }: AgentView): string {
  const words = Object.entries(versions).flatMap(([name, version]) =>
    typeof version === "string" ? [`${name} ${version}`] : [],
  );
  return [...words, ...(protocol === null ? [] : [`protocol ${protocol}`])].join(", ");
}

function numbersOf(health: AgentView["health"]) {
  const number = (name: string) => (typeof health?.[name] === "number" ? health[name] : null);
  return {
    load: number("load_1m"),
    memory: number("memory_total_bytes"),
    memoryFree: number("memory_available_bytes"),
    diskFree: number("disk_free_bytes"),
  };
}
