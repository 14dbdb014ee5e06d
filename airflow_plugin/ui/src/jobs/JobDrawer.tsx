import { Button, CloseButton, Drawer, HStack, Portal, Text } from "@chakra-ui/react";
import { useState } from "react";
import { useJob } from "../api/queries";
import type { JobView } from "../api/types";
import { useMe } from "../app/me";
import { JobStateBadge } from "../parts/JobStateBadge";
import { Loading } from "../parts/Loading";
import { ProblemMessage } from "../parts/ProblemMessage";
import { Trouble } from "../parts/Trouble";
import { CancelDialog } from "./CancelDialog";
import { isOpen } from "./ending";
import { JobFacts } from "./JobFacts";
import { LogTail } from "./LogTail";
import { TaskLink } from "./TaskLink";
import { Waiting } from "./Waiting";

export interface JobDrawerProps {
  id: string;
  onClose: () => void;
}

/** One job at the side of the page; open as long as it is rendered. */
export function JobDrawer({ id, onClose }: JobDrawerProps) {
  const { data, error } = useJob(id);
  return (
    <Drawer.Root open size="xl" onOpenChange={({ open }) => open || onClose()}>
      <Portal>
        <Drawer.Backdrop />
        <Drawer.Positioner>
          <Drawer.Content>
            {data === undefined ? (
              <>
                <Drawer.Header>
                  <Drawer.Title>Job</Drawer.Title>
                </Drawer.Header>
                <Drawer.Body>{error === null ? <Loading /> : <ProblemMessage error={error} />}</Drawer.Body>
              </>
            ) : (
              <Content job={data.job} error={error} />
            )}
            <Drawer.CloseTrigger asChild>
              <CloseButton size="sm" />
            </Drawer.CloseTrigger>
          </Drawer.Content>
        </Drawer.Positioner>
      </Portal>
    </Drawer.Root>
  );
}

/** What a job is, how it goes, its log as it grows, and the way to end it. */
function Content({ job, error }: { job: JobView; error: Error | null }) {
  return (
    <>
      <Drawer.Header>
        <HStack gap={3} wrap="wrap" pe={8}>
          <Drawer.Title wordBreak="break-word">
            <TaskLink job={job} />
          </Drawer.Title>
          <JobStateBadge state={job.state} />
        </HStack>
      </Drawer.Header>
      <Drawer.Body display="flex" flexDirection="column" gap={4} minH={0}>
        <Trouble error={error} data={job} />
        {job.waiting === null ? null : <Waiting why={job.waiting} />}
        <JobFacts job={job} />
        <Log job={job} />
      </Drawer.Body>
      <Cancelling job={job} />
    </>
  );
}

function Log({ job }: { job: JobView }) {
  if (job.hidden) {
    return <Text color="fg.muted">Its log is shown to those who may read the logs of its Dag.</Text>;
  }
  if (job.state === "queued" || job.state === "offered") {
    return <Text color="fg.muted">It has not started. Its log is shown here from then on.</Text>;
  }
  return <LogTail jobId={job.id} />;
}

function Cancelling({ job }: { job: JobView }) {
  const { may_steer: maySteer } = useMe();
  const [isAsking, setAsking] = useState(false);
  const isAsked = job.cancel_requested_at !== null;
  return (
    <>
      {maySteer && isOpen(job) ? (
        <Drawer.Footer>
          <Button variant="outline" colorPalette="danger" disabled={isAsked} onClick={() => setAsking(true)}>
            {isAsked ? "Being cancelled" : "Cancel job"}
          </Button>
        </Drawer.Footer>
      ) : null}
      {isAsking ? <CancelDialog job={job} onClose={() => setAsking(false)} /> : null}
    </>
  );
}
