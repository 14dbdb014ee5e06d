import { Button, Heading, Text, Timeline } from "@chakra-ui/react";
import { useState } from "react";
import { useAgentEvents } from "../api/queries";
import type { EventView } from "../api/types";
import { Ago } from "../parts/Ago";
import { ProblemMessage } from "../parts/ProblemMessage";

const COLOURS: Record<string, string> = {
  registered: "success.solid",
  returned: "success.solid",
  uncordoned: "success.solid",
  cordon_expired: "success.solid",
  cordoned: "warning.solid",
  draining: "warning.solid",
  stopping: "warning.solid",
  re_enrol: "warning.solid",
  lost: "failed.solid",
  host_conflict: "failed.solid",
  token_revoked: "failed.solid",
  deleted: "failed.solid",
};

const FEW = 15;
const MOST = 200;

export interface EventTimelineProps {
  agent: string;
}

/** What happened to an agent, newest first. */
export function EventTimeline({ agent }: EventTimelineProps) {
  const [limit, setLimit] = useState(FEW);
  const { data, error } = useAgentEvents(agent, limit);
  return (
    <section aria-labelledby="events">
      <Heading as="h3" id="events" size="md" mb={3}>
        Events
      </Heading>
      {error === null ? null : <ProblemMessage error={error} />}
      {data?.events.length === 0 ? <Text color="fg.muted">Nothing is recorded of it.</Text> : null}
      <Timeline.Root size="sm">
        {data?.events.map((event) => (
          <Event key={event.id} event={event} />
        ))}
      </Timeline.Root>
      {data?.more && limit < MOST ? (
        <Button size="xs" variant="outline" onClick={() => setLimit(MOST)}>
          Earlier events
        </Button>
      ) : null}
    </section>
  );
}

function Event({ event }: { event: EventView }) {
  return (
    <Timeline.Item>
      <Timeline.Connector>
        <Timeline.Separator />
        <Timeline.Indicator bg={COLOURS[event.kind] ?? "bg.emphasized"} borderColor="transparent" />
      </Timeline.Connector>
      <Timeline.Content pb={3}>
        <Timeline.Title>{event.text}</Timeline.Title>
        <Timeline.Description>
          <Ago at={event.at} />
          {event.by ? ` by ${event.by}` : null}
          {event.reason ? `: ${event.reason}` : null}
        </Timeline.Description>
      </Timeline.Content>
    </Timeline.Item>
  );
}
