// What a server could answer, with the facts a test cares about put in.
import type { AgentsPage, AgentView, JobsPage, JobView, Me } from "../api/types";

export const NOW = "2026-03-01T12:00:00Z";

export function makeMe(facts: Partial<Me> = {}): Me {
  return {
    user: "admin",
    may_steer: true,
    may_grant: true,
    server_time: new Date().toISOString(),
    version: "0.1.0",
    base_url_path: "",
    docs_url: "https://docs.test/",
    ...facts,
  };
}

export function makeAgent(facts: Partial<AgentView> = {}): AgentView {
  const now = new Date().toISOString();
  return {
    name: "site-a-1",
    state: "connected",
    health_status: "healthy",
    missed: 0,
    heartbeat_seconds: 10,
    missed_heartbeats: 3,
    team_name: null,
    hostname: "host-a-1",
    address: "10.0.0.1",
    host_key: "SHA256:abc",
    re_enrol_until: null,
    host_conflicts: 0,
    host_conflict_at: null,
    host_conflict_hostname: null,
    host_conflict_address: null,
    kinds: ["task", "command"],
    queues: ["onprem"],
    own_queues: ["onprem"],
    queues_overridden: false,
    slots: 4,
    own_slots: 4,
    slots_overridden: false,
    used_slots: 1,
    running: 1,
    offered: 0,
    capabilities: { os: "linux", tmux: true },
    versions: { agent: "0.1.0", airflow: "3.3.2", python: "3.11.9" },
    protocol_version: 1,
    skew: [],
    health: null,
    registered_at: now,
    last_seen_at: now,
    cordoned_at: null,
    cordoned_by: null,
    cordon_reason: null,
    cordon_expires_at: null,
    drain_requested_at: null,
    drain_deadline: null,
    stops_at: null,
    token_name: "site-a",
    ...facts,
  };
}

export function makeAgentsPage(agents: AgentView[], facts: Partial<AgentsPage> = {}): AgentsPage {
  const of = (status: AgentView["health_status"]) => agents.filter((each) => each.health_status === status).length;
  return {
    total: agents.length,
    all: agents.length,
    agents,
    counts: {
      healthy: of("healthy"),
      late: of("late"),
      lost: of("lost"),
      offline: of("offline"),
      cordoned: agents.filter((each) => each.cordoned_at !== null).length,
    },
    queues: [...new Set(agents.flatMap((each) => each.queues))],
    capabilities: [...new Set(agents.flatMap((each) => Object.keys(each.capabilities)))],
    server_time: new Date().toISOString(),
    ...facts,
  };
}

export function makeJob(facts: Partial<JobView> = {}): JobView {
  return {
    id: "7a0f6c0e-0000-4000-8000-000000000001",
    kind: "task",
    state: "running",
    reason: null,
    message: null,
    label: "nightly.load",
    queue: "onprem",
    requires: {},
    slots: 1,
    runner: "local",
    agent_name: "site-a-1",
    hostname: "host-a-1",
    waiting: null,
    dag_id: "nightly",
    run_id: "manual__2026-03-01",
    task_id: "load",
    map_index: -1,
    try_number: 1,
    command_name: null,
    submitted_by: null,
    queued_at: NOW,
    offered_at: NOW,
    confirmed_at: NOW,
    ended_at: null,
    exit_code: null,
    signal: null,
    log_bytes: 0,
    ran_seconds: 3,
    wait_seconds: 1,
    cancel_requested_at: null,
    cancel_reason: null,
    task_url: "dags/nightly/runs/manual__2026-03-01/tasks/load",
    hidden: false,
    ...facts,
  };
}

/** A command that the task `nightly.load` has submitted. */
export function makeCommand(facts: Partial<JobView> = {}): JobView {
  return makeJob({
    id: "7a0f6c0e-0000-4000-8000-00000000000c",
    kind: "command",
    label: "Load the orders",
    command_name: "load-orders",
    submitted_by: "nightly-commands",
    ...facts,
  });
}

export function makeJobsPage(jobs: JobView[], facts: Partial<JobsPage> = {}): JobsPage {
  return {
    total: jobs.length,
    jobs,
    counts: { queued: 0, offered: 0, running: jobs.length, ended: 0 },
    queues: ["onprem"],
    server_time: NOW,
    ...facts,
  };
}
