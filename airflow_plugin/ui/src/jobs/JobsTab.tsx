// The jobs of all agents, and why those that wait do.
import { Box, Stack, Text } from "@chakra-ui/react";
import { useJobs } from "../api/queries";
import { useSearch } from "../app/search";
import { Loading } from "../parts/Loading";
import { Pager } from "../parts/Pager";
import { Trouble } from "../parts/Trouble";
import { JobDrawer } from "./JobDrawer";
import { JobFilters } from "./JobFilters";
import { JobsTable } from "./JobsTable";
import { StateButtons } from "./StateButtons";
import { isNarrowed, PAGE, queryOf } from "./search";

export function JobsTab() {
  const search = useSearch();
  const { data, error } = useJobs(queryOf(search));
  const opened = search.get("job");
  return (
    <Stack gap={3}>
      <StateButtons counts={data?.counts} />
      <JobFilters queues={data?.queues ?? []} />
      <Trouble error={error} data={data} />
      {data === undefined && error === null ? <Loading /> : null}
      {data === undefined ? null : (
        <Box>
          {data.jobs.length === 0 ? (
            <Text color="fg.muted" py={6} textAlign="center">
              {isNarrowed(search) ? "No job is like that." : "No job has been queued for an edge agent yet."}
            </Text>
          ) : (
            <JobsTable jobs={data.jobs} onOpen={(id) => search.set({ job: id })} />
          )}
          <Pager
            label="jobs"
            total={data.total}
            limit={PAGE}
            offset={search.number("offset", 0)}
            onOffset={(offset) => search.set({ offset: offset === 0 ? null : offset })}
          />
        </Box>
      )}
      {opened === "" ? null : <JobDrawer id={opened} key={opened} onClose={() => search.set({ job: null })} />}
    </Stack>
  );
}
