// No agent yet: how the first one is installed.
import { Button, Code, EmptyState as Empty, Heading, Input, Stack, Text, VStack } from "@chakra-ui/react";
import { type FormEvent, type ReactNode, useState } from "react";
import { LuServer } from "react-icons/lu";
import { createToken, useAction } from "../api/actions";
import type { AgentView, CreatedToken } from "../api/types";
import { useMe } from "../app/me";
import { Labelled } from "../parts/Labelled";
import { ProblemMessage } from "../parts/ProblemMessage";
import { Arrival } from "../tokens/Arrival";
import { BLANK, tokenOf } from "../tokens/form";
import { InstallCommand } from "../tokens/InstallCommand";
import { wordsIn } from "../tokens/words";

export interface EmptyStateProps {
  /** Those that have come meanwhile, as the table's question goes on. */
  agents: AgentView[];
  /** To the table. This part stays until then, so that its command does not vanish as the agent comes. */
  onDone: () => void;
}

export function EmptyState({ agents, onDone }: EmptyStateProps) {
  const { may_grant: mayGrant } = useMe();
  return (
    <Stack gap={6} maxW="4xl" mx="auto" py={4}>
      <Empty.Root size="sm" pb={0}>
        <Empty.Content>
          <Empty.Indicator>
            <LuServer aria-hidden />
          </Empty.Indicator>
          <VStack textAlign="center">
            <Empty.Title as="h2">No edge agent yet</Empty.Title>
            <Empty.Description>
              An agent runs tasks and commands on a host that Airflow cannot reach. It calls Airflow; no port is opened.
            </Empty.Description>
          </VStack>
        </Empty.Content>
      </Empty.Root>
      {mayGrant ? <FirstAgent agents={agents} onDone={onDone} /> : <AskSomebody />}
    </Stack>
  );
}

function AskSomebody() {
  return (
    <Text textAlign="center">
      An agent registers with a token. To create one takes the right to edit connections: ask somebody who has it, or
      run <Code>airflow edge-agent tokens create</Code> where Airflow's own command line runs.
    </Text>
  );
}

interface Planned {
  name: string;
  queues: string[];
  created: CreatedToken;
}

/** Three steps: say what it is called, paste one command, see it come. */
function FirstAgent({ agents, onDone }: EmptyStateProps) {
  const [planned, setPlanned] = useState<Planned | null>(null);
  const arrived = agents.find((agent) => agent.name === planned?.name);
  return (
    <Stack as="ol" gap={6} listStyleType="none">
      <Step number={1} title="Create its token">
        {planned === null ? (
          <Plan onPlanned={setPlanned} />
        ) : (
          <Text>
            The token {planned.name} is for the agent {planned.name} alone. It is in the command below, and shown this
            once.
          </Text>
        )}
      </Step>
      {planned === null ? null : (
        <>
          <Step number={2} title="Run one command on its host">
            <InstallCommand created={planned.created} agent={planned.name} queues={planned.queues} />
          </Step>
          <Step number={3} title="See it come">
            <Arrival name={planned.name} agent={arrived} />
            {arrived === undefined ? null : (
              <Button mt={3} onClick={onDone}>
                Show all agents
              </Button>
            )}
          </Step>
        </>
      )}
    </Stack>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <li>
      <Heading as="h3" size="md" mb={3}>
        {number}. {title}
      </Heading>
      {children}
    </li>
  );
}

function Plan({ onPlanned }: { onPlanned: (planned: Planned) => void }) {
  const [name, setName] = useState("");
  const [queues, setQueues] = useState("");
  const create = useAction(createToken);
  const served = wordsIn(queues);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const agent = name.trim();
    if (served === null) {
      return;
    }
    const token = tokenOf({ ...BLANK, name: agent, queues, agents: agent, maxAgents: "1" });
    create.mutate(token, {
      onSuccess: (created) => onPlanned({ name: agent, queues: served, created }),
    });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={4} maxW="lg" align="start">
        <Labelled label="Name of the agent" isRequired help="Such as the host's. It stays the same after a restart.">
          <Input
            value={name}
            placeholder="db-07"
            maxLength={64}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        </Labelled>
        <Labelled label="Queues that it serves" isRequired help="Separated by commas. A task names one of them.">
          <Input value={queues} placeholder="onprem" onChange={(event) => setQueues(event.currentTarget.value)} />
        </Labelled>
        {create.error === null ? null : <ProblemMessage error={create.error} />}
        <Button type="submit" loading={create.isPending} disabled={name.trim() === "" || served === null}>
          Create token
        </Button>
      </Stack>
    </form>
  );
}
