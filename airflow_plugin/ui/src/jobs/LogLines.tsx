import { Box, chakra } from "@chakra-ui/react";
import { memo, useMemo } from "react";

import { inZone } from "../app/timezone";
import { linesOf } from "./logLines";

const COLOURS: Record<string, string> = {
  critical: "error.fg",
  error: "error.fg",
  warning: "warning.fg",
  debug: "fg.muted",
};

interface Props {
  readonly text: string;
  readonly timeZone: string;
}

/** A piece of a log, line by line. Remembered, because a log that is followed only ever changes at its end. */
export const LogLines = memo(function LogLines({ text, timeZone }: Props) {
  const lines = useMemo(() => linesOf(text), [text]);
  return (
    <Box>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line of a log is what stands at its place
        <Box key={index} color={COLOURS[line.level ?? ""]} minH="1lh">
          {line.at === null ? null : <chakra.span color="fg.muted">{inZone(line.at, timeZone)} </chakra.span>}
          {line.level === null ? null : <chakra.span>{line.level.toUpperCase()} </chakra.span>}
          {line.text}
        </Box>
      ))}
    </Box>
  );
});
