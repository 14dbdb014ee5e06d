import type { CreatedToken, TokenView } from "../api/types";

export const SECRET = "eat_0123456789ab_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW";

export function makeToken(facts: Partial<TokenView> = {}): TokenView {
  return {
    name: "site-a",
    kind: "agent",
    description: null,
    prefix: "0123456789ab",
    queues: ["onprem"],
    agents: null,
    addresses: null,
    run_as_users: null,
    connections: null,
    variables: null,
    team_name: null,
    max_agents: null,
    one_time: false,
    enrolled_agent: null,
    created_at: "2026-01-01T12:00:00Z",
    created_by: "admin",
    expires_at: new Date(Date.now() + 59.5 * 86_400_000).toISOString(),
    rotated_at: null,
    revoked_at: null,
    last_used_at: null,
    last_used_by: null,
    last_used_address: null,
    ...facts,
  };
}

export function makeCreated(name: string, facts: Partial<CreatedToken> = {}): CreatedToken {
  return { name, token: SECRET, server_key: "c2VydmVy", ...facts };
}
