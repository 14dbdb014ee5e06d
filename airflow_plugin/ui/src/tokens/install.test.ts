import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SECRET } from "../testing/tokens";
import {
  doubtAbout,
  type Installation,
  installCommand,
  replaceCommand,
  replaceServiceCommand,
  serviceCommand,
} from "./install";

const PLAN: Installation = {
  url: "https://airflow.example.com/x",
  agent: "db-07",
  queues: ["onprem", "reports"],
  secret: SECRET,
  serverKey: "c2VydmVy",
  tasks: true,
  version: "0.1.0",
};

describe("pasted into a real shell", () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "home-"));
    // Stands for what it would install and run: notes how each was called.
    const bin = join(home, "bin");
    mkdirSync(bin);
    const note = `#!/bin/sh\necho "$0 $*" >> ${home}/called\n`;
    writeFileSync(
      join(bin, "python3"),
      `${note}mkdir -p venv/bin && cp ${bin}/any venv/bin/pip && cp ${bin}/any venv/bin/edge-agent\n`,
    );
    writeFileSync(join(bin, "any"), note);
    chmodSync(join(bin, "python3"), 0o755);
    chmodSync(join(bin, "any"), 0o755);
  });

  afterEach(() => rmSync(home, { recursive: true }));

  function paste(command: string) {
    execFileSync("/bin/sh", [], { input: command, env: { HOME: home, PATH: `${home}/bin:/usr/bin:/bin` } });
    const called = readFileSync(join(home, "called"), "utf8");
    return called.trim().split("\n");
  }

  test("the token is in a file that only its owner can read, and on no command line", () => {
    const called = paste(installCommand(PLAN));
    const token = join(home, "edge-agent", "token");
    expect(readFileSync(token, "utf8")).toBe(`${SECRET}\n`);
    expect(statSync(token).mode & 0o777).toBe(0o600);
    expect(called.join("\n")).not.toContain(SECRET);
  });

  test("the settings are those that were said, and name the token file by its whole path", () => {
    paste(installCommand(PLAN));
    expect(readFileSync(join(home, "edge-agent", "agent.toml"), "utf8").split("\n")).toEqual([
      'url = "https://airflow.example.com/x"',
      'name = "db-07"',
      'queues = ["onprem", "reports"]',
      'server_key = "c2VydmVy"',
      `token_file = "${home}/edge-agent/token"`,
      "",
    ]);
  });

  test("the release of this Airflow is installed, checked and run, in this order", () => {
    const called = paste(installCommand(PLAN));
    expect(called.map((line) => line.replace(`${home}/bin/`, ""))).toEqual([
      "python3 -m venv venv",
      "venv/bin/pip install airflow-edge-agent[tasks]==0.1.0",
      "venv/bin/edge-agent check --config agent.toml",
      "venv/bin/edge-agent run --config agent.toml",
    ]);
  });

  test("nothing that was typed is run by the shell", () => {
    paste(installCommand({ ...PLAN, agent: '$(touch pwned)"`touch pwned`', queues: ["'; touch pwned; '"] }));
    const settings = readFileSync(join(home, "edge-agent", "agent.toml"), "utf8");
    expect(settings).toContain('name = "$(touch pwned)\\"`touch pwned`"');
    expect(() => statSync(join(home, "edge-agent", "pwned"))).toThrow();
  });

  test("pasted again it replaces what it made, and an open token file is closed", () => {
    paste(installCommand(PLAN));
    chmodSync(join(home, "edge-agent", "token"), 0o644);
    paste(installCommand({ ...PLAN, secret: "eat_other" }));
    const token = join(home, "edge-agent", "token");
    expect(readFileSync(token, "utf8")).toBe("eat_other\n");
    expect(statSync(token).mode & 0o777).toBe(0o600);
  });

  test("a new secret takes the place of the one before", () => {
    paste(installCommand(PLAN));
    paste(replaceCommand("eat_new"));
    const token = join(home, "edge-agent", "token");
    expect(readFileSync(token, "utf8")).toBe("eat_new\n");
    expect(statSync(token).mode & 0o777).toBe(0o600);
  });
});

describe("of a service, pasted into a real shell", () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "root-"));
    // Stands for what it would install and run: notes each word it was called with, and what it reads.
    for (const name of ["python3", "pip", "edge-agent"]) {
      const note = `#!/bin/sh\necho ${name} > ${home}/called.$$\nfor word; do echo "<$word>"; done >> ${home}/called.$$\n`;
      writeFileSync(join(home, name), `${note}cat ${home}/called.$$ >> ${home}/called\n`);
      chmodSync(join(home, name), 0o755);
    }
    writeFileSync(join(home, "edge-agent"), `${readFileSync(join(home, "edge-agent"), "utf8")}cat > ${home}/read\n`);
  });

  afterEach(() => rmSync(home, { recursive: true }));

  function paste(command: string) {
    const here = command.replaceAll("/opt/edge-agent/bin/", `${home}/`);
    execFileSync("/bin/sh", [], { input: here, env: { PATH: `${home}:/usr/bin:/bin` } });
    return readFileSync(join(home, "called"), "utf8").trim().split("\n");
  }

  test("the release of this Airflow is installed, and told what was said", () => {
    expect(paste(serviceCommand(PLAN))).toEqual([
      "python3",
      ...["<-m>", "<venv>", "</opt/edge-agent>"],
      "pip",
      ...["<install>", "<airflow-edge-agent[tasks]==0.1.0>"],
      "edge-agent",
      ...["<install>", "<--check>", "<--url=https://airflow.example.com/x>", "<--name=db-07>"],
      ...["<--queues=onprem,reports>", "<--server-key=c2VydmVy>"],
    ]);
  });

  test("the token is read from standard input, and on no command line", () => {
    const called = paste(serviceCommand(PLAN));
    expect(readFileSync(join(home, "read"), "utf8")).toBe(`${SECRET}\n`);
    expect(called.join("\n")).not.toContain(SECRET);
  });

  test("nothing that was typed is run by the shell", () => {
    const agent = `$(touch ${home}/pwned)"\`touch ${home}/pwned\`'; touch ${home}/pwned; '`;
    expect(paste(serviceCommand({ ...PLAN, agent }))).toContain(`<--name=${agent}>`);
    expect(() => statSync(join(home, "pwned"))).toThrow();
  });

  test("a new secret takes the place of the one before", () => {
    expect(paste(replaceServiceCommand("eat_new"))).toEqual(["edge-agent", "<install>", "<--token-file=->"]);
    expect(readFileSync(join(home, "read"), "utf8")).toBe("eat_new\n");
  });
});

test("where the server signs nothing no key is named", () => {
  expect(installCommand({ ...PLAN, serverKey: null })).not.toContain("server_key");
  expect(serviceCommand({ ...PLAN, serverKey: null })).not.toContain("server-key");
});

test("a host that runs commands only needs no Airflow", () => {
  expect(installCommand({ ...PLAN, tasks: false })).toContain("pip install 'airflow-edge-agent==0.1.0'");
});

test("a version that was never released is not asked for by its number", () => {
  expect(installCommand({ ...PLAN, version: "0.2.0.dev1" })).toContain("pip install 'airflow-edge-agent[tasks]'");
});

test("it begins with a space, which keeps it out of the history of most shells", () => {
  expect(installCommand(PLAN)).toMatch(/^ /);
  expect(serviceCommand(PLAN)).toMatch(/^ /);
  expect(replaceCommand(SECRET)).toMatch(/^ /);
  expect(replaceServiceCommand(SECRET)).toMatch(/^ /);
});

test.each([
  ["https://airflow.example.com", null],
  ["https://airflow.example.com/x", null],
  ["http://localhost:8080", /Only this machine/],
  ["http://airflow.example.com", /refuse http/],
  ["airflow", /no address/],
])("of the address %s it is said whether an agent can use it", (url, doubt) => {
  const said = doubtAbout(url);
  doubt === null ? expect(said).toBeNull() : expect(said).toMatch(doubt);
});
