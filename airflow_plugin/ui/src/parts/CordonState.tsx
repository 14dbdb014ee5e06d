import { Badge, Stack, Text } from "@chakra-ui/react";
import { LuCircleSlash, LuHourglass, LuPower } from "react-icons/lu";
import type { AgentView } from "../api/types";
import { Ago } from "./Ago";

type Cordoned = Pick<
  AgentView,
  | "cordoned_at"
  | "cordoned_by"
  | "cordon_reason"
  | "cordon_expires_at"
  | "drain_requested_at"
  | "drain_deadline"
  | "stops_at"
>;

/** Whether an agent is cordoned, drains or stops; why, by whom and until when. Nothing for one that is open. */
export function CordonState({ agent }: { agent: Cordoned }) {
  if (agent.cordoned_at === null) {
    return null;
  }
  const { text, palette, Icon } = look(agent);
  const until = agent.stops_at ?? agent.drain_deadline ?? agent.cordon_expires_at;
  return (
    <Stack gap={0.5} alignItems="flex-start" minW={40}>
      <Badge colorPalette={palette} borderRadius="full" variant="subtle" whiteSpace="nowrap">
        <Icon aria-hidden />
        {text}
      </Badge>
      {agent.cordon_reason === null ? null : (
        <Text fontSize="sm" lineClamp={2} maxW={48} overflowWrap="anywhere" title={agent.cordon_reason}>
          {agent.cordon_reason}
        </Text>
      )}
      <Text fontSize="xs" color="fg.muted" maxW={48} textWrap="balance">
        {agent.cordoned_by === null ? null : `by ${agent.cordoned_by}, `}
        <Ago at={agent.cordoned_at} />
        {until === null ? null : (
          <>
            {agent.drain_requested_at === null ? ", lifted " : ", deadline "}
            <Ago at={until} />
          </>
        )}
      </Text>
    </Stack>
  );
}

function look(agent: Cordoned) {
  if (agent.stops_at !== null) {
    return { text: "stopping", palette: "red", Icon: LuPower };
  }
  if (agent.drain_requested_at !== null) {
    return { text: "draining", palette: "purple", Icon: LuHourglass };
  }
  return { text: "cordoned", palette: "orange", Icon: LuCircleSlash };
}
