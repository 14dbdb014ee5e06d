import { expect, test } from "vitest";
import { capabilityTags, givenFirst } from "./capabilities";

const OF_A_HOST = {
  os: "linux",
  gpu: "a100",
  airflow: "3.3.2",
  "agent.name": "a1",
  "kind.task": true,
  cpus: 8,
  site: "berlin",
  osx: false,
};

test("a capability is its name where it is so, else its name and value", () => {
  expect(capabilityTags({ tmux: true, cpus: 8, os: "linux", osx: false })).toEqual([
    "cpus=8",
    "os=linux",
    "osx=false",
    "tmux",
  ]);
});

test("what tells one host from another comes first, and kinds of jobs do not", () => {
  expect(givenFirst(OF_A_HOST)).toEqual([
    "gpu=a100",
    "osx=false",
    "site=berlin",
    "airflow=3.3.2",
    "cpus=8",
    "os=linux",
  ]);
});
