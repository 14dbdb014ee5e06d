// Names for what the server's description says; the description itself is generated.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type AgentView = Schemas["AgentView"];
export type AgentsPage = Schemas["AgentsPage"];
export type AgentCounts = Schemas["AgentCounts"];
export type HealthStatus = AgentView["health_status"];
export type CreatedToken = Schemas["CreatedToken"];
export type History = Schemas["History"];
export type Sample = Schemas["Sample"];
export type Events = Schemas["Events"];
export type EventView = Schemas["EventView"];
export type JobView = Schemas["JobView"];
export type JobsPage = Schemas["JobsPage"];
export type LogPiece = Schemas["LogPiece"];
export type Me = Schemas["Me"];
export type NewToken = Schemas["NewToken"];
export type Problem = Schemas["Problem"];
export type TokenView = Schemas["TokenView"];
