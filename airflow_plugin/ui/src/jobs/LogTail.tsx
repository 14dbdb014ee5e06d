import { Button, Flex, Spinner, Text } from "@chakra-ui/react";
import { useState } from "react";
import { LuPause, LuPlay } from "react-icons/lu";
import { ProblemMessage } from "../parts/ProblemMessage";
import { LogText } from "./LogText";
import { startOf } from "./tail";
import { useLogTail } from "./useLogTail";

export interface LogTailProps {
  jobId: string;
}

/** The log of a job, from its end. It follows what is written, until somebody pauses it or scrolls back. */
export function LogTail({ jobId }: LogTailProps) {
  const [following, setFollowing] = useState(true);
  const { tail, error, loadEarlier, isLoadingEarlier } = useLogTail(jobId, following);
  const last = tail.at(-1);
  const pause = () => setFollowing(false);
  const earlier = () => {
    pause();
    loadEarlier();
  };
  return (
    <Flex direction="column" gap={2} minH={72} flex={1}>
      <Flex align="center" justify="space-between" gap={2} wrap="wrap" minH={8}>
        <Text fontSize="sm" color="fg.muted" role="status">
          {last === undefined ? "" : stateOf(last.is_over, following)}
        </Text>
        <Flex gap={2}>
          {startOf(tail) > 0 ? (
            <Button size="xs" variant="outline" loading={isLoadingEarlier} onClick={earlier}>
              Load earlier lines
            </Button>
          ) : null}
          {last === undefined || last.is_over ? null : (
            <FollowButton following={following} onClick={() => setFollowing(!following)} />
          )}
        </Flex>
      </Flex>
      {error === null ? null : <ProblemMessage error={error} />}
      {last?.where ? <Text fontSize="sm">{last.where}</Text> : null}
      {last === undefined && error === null ? <Spinner size="sm" aria-label="Loading the log" /> : null}
      {last === undefined ? null : <LogText tail={tail} following={following} onScrollBack={pause} />}
    </Flex>
  );
}

function FollowButton({ following, onClick }: { following: boolean; onClick: () => void }) {
  return (
    <Button size="xs" variant="outline" onClick={onClick}>
      {following ? <LuPause aria-hidden /> : <LuPlay aria-hidden />}
      {following ? "Pause" : "Follow"}
    </Button>
  );
}

function stateOf(isOver: boolean, following: boolean): string {
  if (isOver) {
    return "Log: complete";
  }
  return following ? "Log: live" : "Log: paused";
}
