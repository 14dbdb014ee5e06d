import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { asVariable, type Connection, connectionTo, doubtAboutConnection } from "./connection";

const SECRET = "est_0123456789ab_secret";

/** What a shell makes of it. */
function readByShell(connection: Connection): Record<string, unknown> {
  const line = asVariable(connection, SECRET);
  const read = execFileSync("/bin/sh", ["-c", `${line}\nprintf %s "$AIRFLOW_CONN_EDGE_AGENT_DEFAULT"`]);
  return JSON.parse(String(read));
}

test("an address becomes the fields of a connection", () => {
  const connection = connectionTo("https://airflow.example.com:8443/x/", ["onprem", "reports"]) as Connection;
  expect(connection).toEqual({
    host: "airflow.example.com",
    port: "8443",
    schema: "https",
    extra: { path: "/x", default_queue: "onprem" },
  });
  expect(readByShell(connection)).toEqual({
    conn_type: "edge_agent",
    schema: "https",
    host: "airflow.example.com",
    port: 8443,
    password: SECRET,
    extra: { path: "/x", default_queue: "onprem" },
  });
});

test("what an address does not say is left out", () => {
  const connection = connectionTo("https://airflow.example.com", []) as Connection;
  expect(Object.keys(readByShell(connection))).toEqual(["conn_type", "schema", "host", "password"]);
});

test("an IPv6 address has no brackets in the field of the host", () => {
  expect(connectionTo("https://[2001:db8::1]:8443", [])?.host).toBe("2001:db8::1");
});

test("nothing that was typed is run by the shell", () => {
  const connection = connectionTo("https://airflow.example.com/'$(exit 3)'", []) as Connection;
  expect(readByShell(connection).extra).toEqual({ path: "/'$(exit%203)'" });
});

test.each([
  ["https://airflow.example.com", null],
  ["http://localhost:8080", /Only this machine/],
  ["http://[::1]:8080", /Only this machine/],
  ["http://airflow.example.com", /allow_plaintext/],
  ["airflow", /no address/],
  ["mailto:somebody", /no address/],
])("of the address %s it is said whether operators can use it", (url, doubt) => {
  const said = doubtAboutConnection(url);
  doubt === null ? expect(said).toBeNull() : expect(said).toMatch(doubt);
});
