import { Text } from "@chakra-ui/react";
import type { ReactNode } from "react";

/** What stands below the main thing, in a line of its own. */
export function Small({ children }: { children: ReactNode }) {
  return (
    <Text fontSize="xs" color="fg.muted" whiteSpace="nowrap">
      {children}
    </Text>
  );
}
