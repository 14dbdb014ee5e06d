// What to paste into a shell on a host.

export interface Installation {
  /** Airflow's address as the host sees it. */
  url: string;
  agent: string;
  queues: string[];
  secret: string;
  /** Of the server: nothing that another has queued starts on the host. null: the server signs nothing. */
  serverKey: string | null;
  /** Whether it is to run Airflow's tasks, not commands only. */
  tasks: boolean;
  /** Of this Airflow's plugin: an agent may be older, not newer. */
  version: string;
}

const RELEASE = /^\d+(\.\d+)*$/;

/**
 * Install an agent below the user's home and run it.
 *
 * The token goes through standard input into a file of mode 0600: it is on no command line. The leading space keeps
 * all of it out of the history of shells that honour that. Whatever fails ends it, because what follows hangs on `&&`.
 */
export function installCommand(plan: Installation): string {
  const { url, agent, queues, secret, serverKey } = plan;
  // TOML reads a quoted string of JSON as what it is.
  const settings = [
    `url = ${JSON.stringify(url)}`,
    `name = ${JSON.stringify(agent)}`,
    `queues = [${queues.map((queue) => JSON.stringify(queue)).join(", ")}]`,
    ...(serverKey === null ? [] : [`server_key = ${JSON.stringify(serverKey)}`]),
  ];
  return [
    " mkdir -p ~/edge-agent && cd ~/edge-agent && install -m 600 /dev/stdin token <<'TOKEN' &&",
    secret,
    "TOKEN",
    "cat > agent.toml <<'SETTINGS' &&",
    ...settings,
    "SETTINGS",
    `printf 'token_file = "%s/token"\\n' "$PWD" >> agent.toml &&`,
    `python3 -m venv venv && venv/bin/pip install '${requirementOf(plan)}' &&`,
    "venv/bin/edge-agent check --config agent.toml && venv/bin/edge-agent run --config agent.toml",
    "",
  ].join("\n");
}

/**
 * Install an agent below /opt and make a service of it, as root.
 *
 * `edge-agent install` reads the token from standard input, and starts nothing that its own check finds something to
 * say against.
 */
export function serviceCommand(plan: Installation): string {
  const { url, agent, queues, secret, serverKey } = plan;
  const options = [
    `--url=${quoted(url)}`,
    `--name=${quoted(agent)}`,
    `--queues=${quoted(queues.join(","))}`,
    ...(serverKey === null ? [] : [`--server-key=${quoted(serverKey)}`]),
  ];
  return [
    ` python3 -m venv /opt/edge-agent && /opt/edge-agent/bin/pip install '${requirementOf(plan)}' &&`,
    `${SERVICE} --check \\\n  ${options.join(" \\\n  ")} <<'TOKEN'`,
    secret,
    "TOKEN",
    "",
  ].join("\n");
}

const SERVICE = "/opt/edge-agent/bin/edge-agent install";

function requirementOf({ tasks, version }: Installation): string {
  const pinned = RELEASE.test(version) ? `==${version}` : "";
  return `airflow-edge-agent${tasks ? "[tasks]" : ""}${pinned}`;
}

/** One word of a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Give a new secret to an agent that is a service. */
export function replaceServiceCommand(secret: string): string {
  return [` ${SERVICE} --token-file=- <<'TOKEN'`, secret, "TOKEN", ""].join("\n");
}

/** Give a new secret to an agent that was installed below a home. */
export function replaceCommand(secret: string): string {
  return [" install -m 600 /dev/stdin ~/edge-agent/token <<'TOKEN'", secret, "TOKEN", ""].join("\n");
}

/** The address under which people see this page is the one that agents call. */
export function airflowAddress(): string {
  return new URL(".", document.baseURI).href.replace(/\/$/, "");
}

/** Why an agent would refuse an address, or could not reach it; null when nothing speaks against it. */
export function doubtAbout(url: string): string | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return "This is no address. Write it like https://airflow.example.com";
  }
  if (HERE.has(parsed.hostname)) {
    return "Only this machine finds Airflow under this address. Write the one that the host sees.";
  }
  if (parsed.protocol !== "https:") {
    return "Agents refuse http:// to other hosts: tokens would travel in the clear. Use https://, or set allow_insecure_http on the host if its network is trusted.";
  }
  return null;
}

const HERE = new Set(["localhost", "127.0.0.1", "[::1]"]);
