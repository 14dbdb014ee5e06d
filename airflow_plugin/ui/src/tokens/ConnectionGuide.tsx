import { Link as ChakraLink, Code, Heading, Input, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";
import type { CreatedToken } from "../api/types";
import { useMe } from "../app/me";
import { CodeBlock } from "../parts/CodeBlock";
import { Fact, Facts } from "../parts/Facts";
import { Labelled } from "../parts/Labelled";
import {
  asVariable,
  CONNECTION_TYPE,
  type Connection,
  connectionTo,
  DEFAULT_ID,
  doubtAboutConnection,
} from "./connection";
import { airflowAddress } from "./install";

export interface ConnectionGuideProps {
  created: CreatedToken;
  /** Those that the token allows; empty: every one. */
  queues: string[];
}

/** From a submit token to a connection: what to write into its form, or the whole of it to paste. */
export function ConnectionGuide({ created, queues }: ConnectionGuideProps) {
  const [url, setUrl] = useState(airflowAddress);
  const doubt = doubtAboutConnection(url);
  const connection = connectionTo(url, queues);
  return (
    <Stack gap={4} as="section" aria-labelledby="connection">
      <Heading as="h3" id="connection" size="sm">
        Let operators submit with it
      </Heading>
      <Labelled label="Airflow's address" help="As workers and triggerers see it.">
        <Input type="url" value={url} onChange={(event) => setUrl(event.currentTarget.value.trim())} />
      </Labelled>
      {doubt === null ? null : (
        <Text color="warning.fg" fontSize="sm" role="status">
          {doubt}
        </Text>
      )}
      {connection === null ? null : (
        <>
          <Form connection={connection} />
          <Text>Or paste it whole, as an environment variable of workers and triggerers:</Text>
          <CodeBlock label="connection" text={asVariable(connection, created.token)} />
          <Text fontSize="sm" color="fg.muted">
            Operators use the connection <Code>{DEFAULT_ID}</Code> unless they name another.
          </Text>
        </>
      )}
    </Stack>
  );
}

/** The fields of Airflow's own form, by their names there. */
function Form({ connection: { host, port, schema, extra } }: { connection: Connection }) {
  const { base_url_path: base } = useMe();
  return (
    <Stack gap={2}>
      <Text>
        Add it under{" "}
        <ChakraLink href={`${base}/connections`} target="_blank" rel="noreferrer" color="fg.info">
          Admin, Connections
        </ChakraLink>
        :
      </Text>
      <Facts>
        <Fact name="Connection ID">{DEFAULT_ID}</Fact>
        <Fact name="Type">{CONNECTION_TYPE}</Fact>
        <Fact name="Host">{host}</Fact>
        {port === "" ? null : <Fact name="Port">{port}</Fact>}
        <Fact name="Schema">{schema}</Fact>
        <Fact name="Password">the secret above</Fact>
        {Object.entries(extra).map(([name, value]) => (
          <Fact key={name} name={name}>
            {String(value)}
          </Fact>
        ))}
      </Facts>
    </Stack>
  );
}
