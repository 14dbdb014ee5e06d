// "Edge Agents" in Airflow's navigation: three tabs, and one agent in place of the table.
import { Box, Tabs } from "@chakra-ui/react";
import { AgentDetail } from "../agent/AgentDetail";
import { AgentsTab } from "../agents/AgentsTab";
import { Asking } from "../agents/actions/Asking";
import { JobsTab } from "../jobs/JobsTab";
import { TokensTab } from "../tokens/TokensTab";
import { useMe } from "./me";
import { useSearch } from "./search";

const TABS = { agents: "Agents", jobs: "Jobs", tokens: "Tokens" } as const;
type TabName = keyof typeof TABS;

export function Page() {
  const me = useMe();
  const search = useSearch();
  const shown = (Object.keys(TABS) as TabName[]).filter((name) => name !== "tokens" || me.may_grant);
  const tab = shown.find((name) => name === search.get("tab")) ?? "agents";
  const agent = search.get("agent");
  return (
    <Asking>
      <Box p={2}>
        <Tabs.Root
          value={tab}
          onValueChange={({ value }) => search.reset({ tab: value === "agents" ? null : value })}
          colorPalette="brand"
          lazyMount
          unmountOnExit
        >
          <Tabs.List aria-label="Edge Agents">
            {shown.map((name) => (
              <Tabs.Trigger key={name} value={name} fontWeight="bold" px={4}>
                {TABS[name]}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <Tabs.Content value="agents">
            {agent === "" ? <AgentsTab /> : <AgentDetail name={agent} key={agent} />}
          </Tabs.Content>
          <Tabs.Content value="jobs">
            <JobsTab />
          </Tabs.Content>
          <Tabs.Content value="tokens">
            <TokensTab />
          </Tabs.Content>
        </Tabs.Root>
      </Box>
    </Asking>
  );
}
