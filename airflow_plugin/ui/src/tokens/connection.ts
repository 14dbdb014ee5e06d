// What to write into a connection of Airflow's, so that operators submit with a token.

export const CONNECTION_TYPE = "edge_agent";
export const DEFAULT_ID = "edge_agent_default";

export interface Connection {
  host: string;
  port: string;
  schema: string;
  /** By the names that the connection's form has. */
  extra: Record<string, string | boolean>;
}

/** Return the fields for an address and the first of a token's queues. null: it is no address. */
export function connectionTo(url: string, queues: string[]): Connection | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return null;
  }
  const path = parsed.pathname.replace(/\/+$/, "");
  const [queue] = queues;
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port,
    schema: parsed.protocol.replace(":", ""),
    extra: {
      ...(path === "" ? {} : { path }),
      ...(queue === undefined ? {} : { default_queue: queue }),
    },
  };
}

/** The whole connection as JSON, as a secrets backend has it. */
function asJson({ host, port, schema, extra }: Connection, secret: string): string {
  return JSON.stringify({
    conn_type: CONNECTION_TYPE,
    schema,
    host,
    ...(port === "" ? {} : { port: Number(port) }),
    password: secret,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  });
}

/** The same as a line for a shell. Nothing that was typed is run by it. */
export function asVariable(connection: Connection, secret: string): string {
  return `AIRFLOW_CONN_${DEFAULT_ID.toUpperCase()}='${asJson(connection, secret).replaceAll("'", "'\\''")}'`;
}

/** Why operators could not use an address; null when nothing speaks against it. */
export function doubtAboutConnection(url: string): string | null {
  const connection = connectionTo(url, []);
  if (connection === null || connection.host === "") {
    return "This is no address. Write it like https://airflow.example.com";
  }
  if (LOOPBACK.has(connection.host)) {
    return "Only this machine finds Airflow under this address. Write the one that workers and triggerers see.";
  }
  if (connection.schema !== "https") {
    return 'Operators refuse http:// to other hosts: whoever listens could run commands. Use https://, or add the extra "allow_plaintext": true if the network is trusted.';
  }
  return null;
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);
