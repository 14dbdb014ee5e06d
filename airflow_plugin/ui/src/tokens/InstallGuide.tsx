import { Heading, Input, SimpleGrid, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { useAgents } from "../api/queries";
import type { CreatedToken } from "../api/types";
import { Labelled } from "../parts/Labelled";
import { Arrival } from "./Arrival";
import { InstallCommand } from "./InstallCommand";
import { wordsIn } from "./words";

export interface InstallGuideProps {
  created: CreatedToken;
  /** "": the token leaves it open. */
  agent: string;
  /** Empty: the token allows every queue. */
  queues: string[];
}

/** From a token to an agent: what is still to be said of it, what to paste on its host, and whether it has come. */
export function InstallGuide({ created, agent: given, queues: allowed }: InstallGuideProps) {
  const [agent, setAgent] = useState(given);
  const [queues, setQueues] = useState(allowed.join(", "));
  const served = wordsIn(queues);
  const isReady = agent.trim() !== "" && served !== null;
  return (
    <Stack gap={4} as="section" aria-labelledby="install">
      <Heading as="h3" id="install" size="sm">
        Install an agent with it
      </Heading>
      <SimpleGrid columns={{ base: 1, md: 2 }} gap={4}>
        <Labelled label="Name of the agent" help="The same after each restart; such as the host's name.">
          <Input value={agent} maxLength={64} onChange={(event) => setAgent(event.currentTarget.value)} />
        </Labelled>
        <Labelled label="Queues that it serves" help="Separated by commas.">
          <Input value={queues} onChange={(event) => setQueues(event.currentTarget.value)} />
        </Labelled>
      </SimpleGrid>
      {isReady ? (
        <>
          <InstallCommand created={created} agent={agent.trim()} queues={served} />
          <Awaited agent={agent.trim()} />
        </>
      ) : (
        <Text color="fg.muted">Say how the agent is called and which queues it serves, and the command appears.</Text>
      )}
    </Stack>
  );
}

function Awaited({ agent }: { agent: string }) {
  const { data } = useAgents({ search: agent, limit: 200 });
  return <Arrival name={agent} agent={data?.agents.find((each) => each.name === agent)} />;
}
