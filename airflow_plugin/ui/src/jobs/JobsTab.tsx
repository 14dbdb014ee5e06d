// The jobs of all agents, and why those that wait do.
import { Box, Stack } from "@chakra-ui/react";
import { useJobs } from "../api/queries";
import type { JobView } from "../api/types";
import { type Search, useSearch } from "../app/search";
import { Loading } from "../parts/Loading";
import { Pager } from "../parts/Pager";
import { Trouble } from "../parts/Trouble";
import { CommandsTable } from "./CommandsTable";
import { JobDrawer } from "./JobDrawer";
import { JobFilters } from "./JobFilters";
import { JobsTable } from "./JobsTable";
import { NoJobs } from "./NoJobs";
import { StateButtons } from "./StateButtons";
import { PAGE, queryOf } from "./search";

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
          <Found jobs={data.jobs} search={search} />
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

function Found({ jobs, search }: { jobs: JobView[]; search: Search }) {
  const open = (id: string) => search.set({ job: id });
  if (jobs.length === 0) {
    return <NoJobs search={search} />;
  }
  if (jobs.every((job) => job.kind === "command")) {
    return <CommandsTable jobs={jobs} of="all" onOpen={open} />;
  }
  return <JobsTable jobs={jobs} onOpen={open} />;
}
