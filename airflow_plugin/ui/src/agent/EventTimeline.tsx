import { Button, Heading, Text, Timeline } from "@chakra-ui/react";
import { useState } from "react";
import { useAgentEvents } from "../api/queries";
import type { Events, EventView } from "../api/types";
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

export interface EventTimelineProps {
  agent: string;
  /** Those that came with the agent, fresh with each answer. Null: it is not there any more, only what it left. */
  newest: Events | null;
}

/** What happened to an agent, newest first; as far back as somebody asks. */
export function EventTimeline({ agent, newest }: EventTimelineProps) {
  const [isAll, setAll] = useState(newest === null);
  const { data, error, hasNextPage, fetchNextPage, isFetching } = useAgentEvents(agent, isAll);
  const events = merged(newest?.events ?? [], data?.pages.flatMap((page) => page.events) ?? []);
  const hasMore = data === undefined ? newest?.more === true : hasNextPage;
  return (
    <section aria-labelledby="events">
      <Heading as="h3" id="events" size="md" mb={3}>
        Events
      </Heading>
      {error === null ? null : <ProblemMessage error={error} />}
      {events.length === 0 && (newest !== null || data !== undefined) ? (
        <Text color="fg.muted">Nothing is recorded of it.</Text>
      ) : null}
      <Timeline.Root size="sm">
        {events.map((event) => (
          <Event key={event.id} event={event} />
        ))}
      </Timeline.Root>
      {hasMore ? (
        <Button
          size="xs"
          variant="outline"
          loading={isFetching}
          onClick={() => (data === undefined ? setAll(true) : fetchNextPage())}
        >
          Earlier events
        </Button>
      ) : null}
    </section>
  );
}

/** Both lists as one: what was read earlier stays as it was, what has come since stands above it. */
function merged(newest: EventView[], older: EventView[]): EventView[] {
  const known = new Set(older.map((event) => event.id));
  return [...newest.filter((event) => !known.has(event.id)), ...older];
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
