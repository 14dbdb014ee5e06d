import { Badge } from "@chakra-ui/react";
import type { JobView } from "../api/types";

/** Tells a command from the tasks it stands among; of a task it says nothing. */
export function KindBadge({ kind }: { kind: JobView["kind"] }) {
  return kind === "command" ? (
    <Badge size="sm" variant="outline">
      command
    </Badge>
  ) : null;
}
