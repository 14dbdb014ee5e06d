import { HStack, Text } from "@chakra-ui/react";
import { LuHourglass } from "react-icons/lu";

/** Why a job waits, in the server's words. */
export function Waiting({ why }: { why: string }) {
  return (
    <HStack gap={1} align="start" color="warning.fg" fontSize="sm">
      <LuHourglass aria-hidden style={{ flexShrink: 0, marginTop: 3 }} />
      <Text>{why}</Text>
    </HStack>
  );
}
