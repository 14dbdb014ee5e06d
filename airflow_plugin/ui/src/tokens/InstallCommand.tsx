import { Link as ChakraLink, Checkbox, Input, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";
import type { CreatedToken } from "../api/types";
import { useMe } from "../app/me";
import { CodeBlock } from "../parts/CodeBlock";
import { Labelled } from "../parts/Labelled";
import { Radios } from "../parts/Radios";
import { airflowAddress, doubtAbout, installCommand, serviceCommand } from "./install";

export interface InstallCommandProps {
  created: CreatedToken;
  agent: string;
  queues: string[];
}

const WAYS = { service: "As a service of the host", shell: "In a shell, to try it" };

/** The one command that makes an agent of a host. */
export function InstallCommand({ created, agent, queues }: InstallCommandProps) {
  const { version } = useMe();
  const [way, setWay] = useState<keyof typeof WAYS>("service");
  const [tasks, setTasks] = useState(true);
  const [url, setUrl] = useState(airflowAddress);
  const doubt = doubtAbout(url);
  const plan = { url, agent, queues, secret: created.token, serverKey: created.server_key, tasks, version };
  return (
    <Stack gap={3}>
      <Labelled label="Airflow's address" help="As the host sees it.">
        <Input type="url" value={url} onChange={(event) => setUrl(event.currentTarget.value.trim())} />
      </Labelled>
      {doubt === null ? null : (
        <Text color="warning.fg" fontSize="sm" role="status">
          {doubt}
        </Text>
      )}
      <Checkbox.Root checked={tasks} onCheckedChange={({ checked }) => setTasks(checked === true)}>
        <Checkbox.HiddenInput />
        <Checkbox.Control />
        <Checkbox.Label>It runs Airflow's tasks, not commands only</Checkbox.Label>
      </Checkbox.Root>
      {tasks ? null : (
        <Text color="fg.warning" fontSize="sm" role="status">
          No command runs there until the host's policy lists it, in /etc/edge-agent/policy.toml. Without one the
          command below stops at its check, and says so.
        </Text>
      )}
      <Radios label="How it runs" ways={WAYS} value={way} onChange={setWay} />
      <Text>
        {way === "service"
          ? "Paste this into a shell of root's on the host. The agent gets a user of its own. It needs Python 3.11 to 3.13."
          : "Paste this into a shell on the host, as the user that the agent is to run as, which should not be root. It needs Python 3.11 to 3.13."}
      </Text>
      <CodeBlock label="install command" text={way === "service" ? serviceCommand(plan) : installCommand(plan)} />
      <Text fontSize="sm" color="fg.muted">
        {way === "service"
          ? "It shows each step, and starts nothing before its check finds all well; that tells what is missing, such as the Dag files that tasks need, and what to run then."
          : "It stays in the foreground, so that you see what it says; its check tells what is missing, such as the Dag files that tasks need."}
        <Documentation />
      </Text>
    </Stack>
  );
}

function Documentation() {
  const { docs_url: docs } = useMe();
  return docs ? (
    <>
      {" More of it stands in the "}
      <ChakraLink href={docs} target="_blank" rel="noreferrer" color="fg.info">
        documentation
      </ChakraLink>
      .
    </>
  ) : null;
}
