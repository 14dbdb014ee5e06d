// The table of all agents: what it asks, and what stands in its place when there is none.
import { Box, Heading, HStack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { useAgents } from "../api/queries";
import type { AgentsPage } from "../api/types";
import { Loading } from "../parts/Loading";
import { Pager } from "../parts/Pager";
import { ProblemMessage } from "../parts/ProblemMessage";
import { Trouble } from "../parts/Trouble";
import { AgentFilters } from "./AgentFilters";
import { AgentsTable } from "./AgentsTable";
import { counted } from "./actions/words";
import { EmptyState } from "./EmptyState";
import { PageSize } from "./PageSize";
import { useAgentsQuery } from "./useAgentsQuery";

export function AgentsTab() {
  const asked = useAgentsQuery();
  const { data, error } = useAgents(asked.query);
  // What helps to install the first one stays until its reader has done with it, also when the agent has come.
  const [isFirst, setFirst] = useState(false);
  if (data === undefined) {
    return error === null ? <Loading rows={8} /> : <ProblemMessage error={error} title="The agents cannot be shown" />;
  }
  if (data.all === 0 && !isFirst) {
    setFirst(true);
  }
  return (
    <Box>
      <Trouble error={error} data={data} />
      {isFirst ? (
        <EmptyState agents={data.agents} onDone={() => setFirst(false)} />
      ) : (
        <Found page={data} asked={asked} />
      )}
    </Box>
  );
}

function Found({ page, asked }: { page: AgentsPage; asked: ReturnType<typeof useAgentsQuery> }) {
  const { query, isFiltered, search } = asked;
  const { sort, limit, offset } = query;
  const heading = isFiltered ? `${page.total} of ${counted(page.all, "agent")}` : counted(page.total, "agent");
  return (
    <>
      <AgentFilters page={page} />
      <HStack justifyContent="space-between" py={3}>
        <Heading size="md" as="h2">
          {heading}
        </Heading>
        <PageSize limit={limit} onChange={(size) => search.set({ limit: size, offset: null })} />
      </HStack>
      {page.agents.length === 0 ? (
        <Text py={6} textAlign="center" color="fg.muted">
          {page.total > 0 ? "There is nothing on this page." : "No agent is like that."}
        </Text>
      ) : (
        // What was selected is what was seen: another question begins without a selection.
        <AgentsTable
          key={JSON.stringify(query)}
          agents={page.agents}
          sort={sort}
          onSort={(by) => search.set({ sort: by, offset: null })}
        />
      )}
      <Pager
        label="agents"
        total={page.total}
        limit={limit}
        offset={offset}
        onOffset={(to) => search.set({ offset: to === 0 ? null : to })}
      />
    </>
  );
}
