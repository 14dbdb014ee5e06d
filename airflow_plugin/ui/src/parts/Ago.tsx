import { Text, type TextProps } from "@chakra-ui/react";
import { useNow } from "../app/clock";
import { inZone, useTimeZone } from "../app/timezone";
import { inWords, secondsBetween } from "./spans";

export interface AgoProps extends TextProps {
  at: string;
}

/** How long ago, or in how long, ticking; the moment itself on hovering. */
export function Ago({ at, ...props }: AgoProps) {
  const timeZone = useTimeZone();
  return (
    <Text whiteSpace="nowrap" {...props} title={`${inZone(at, timeZone)} ${timeZone}`} asChild>
      <time dateTime={at}>
        <Ticking at={at} />
      </time>
    </Text>
  );
}

/** The words alone: a page of agents has hundreds of them, each second. */
function Ticking({ at }: { at: string }) {
  const passed = Math.round(secondsBetween(at, useNow()));
  return passed > -2 ? `${inWords(passed)} ago` : `in ${inWords(-passed)}`;
}
