// Everything about one agent.
import { Box, Link as ChakraLink, Grid, GridItem, Stack } from "@chakra-ui/react";
import { LuArrowLeft } from "react-icons/lu";
import { Link } from "react-router-dom";
import { useAgent } from "../api/queries";
import { searchOf } from "../app/search";
import { Loading } from "../parts/Loading";
import { Trouble } from "../parts/Trouble";
import { AgentAlerts } from "./AgentAlerts";
import { AgentHeader } from "./AgentHeader";
import { AgentHistory } from "./AgentHistory";
import { AgentJobs } from "./AgentJobs";
import { EventTimeline } from "./EventTimeline";
import { SystemInfo } from "./SystemInfo";

export interface AgentDetailProps {
  name: string;
}

export function AgentDetail({ name }: AgentDetailProps) {
  const { data, error } = useAgent(name);
  const agent = data?.agent;
  return (
    <Stack gap={4}>
      <Box>
        <ChakraLink asChild color="fg.info" fontSize="sm">
          <Link to={searchOf({})}>
            <LuArrowLeft aria-hidden /> All agents
          </Link>
        </ChakraLink>
      </Box>
      <Trouble error={error} data={data} />
      {agent === undefined && error === null ? <Loading /> : null}
      {data === undefined ? null : (
        <>
          <AgentHeader agent={data.agent} />
          <AgentAlerts agent={data.agent} />
          <AgentHistory agent={name} />
          <AgentJobs agent={name} jobs={data.jobs} />
        </>
      )}
      {/* What happened to an agent outlives it. */}
      <Grid templateColumns={{ base: "1fr", lg: agent === undefined ? "1fr" : "1fr 1fr" }} gap={6}>
        {agent === undefined ? null : (
          <GridItem minW={0}>
            <SystemInfo agent={agent} />
          </GridItem>
        )}
        <GridItem minW={0}>
          {agent === undefined && error === null ? null : <EventTimeline agent={name} newest={data?.events ?? null} />}
        </GridItem>
      </Grid>
    </Stack>
  );
}
