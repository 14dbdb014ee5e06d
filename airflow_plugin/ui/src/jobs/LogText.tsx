import { chakra } from "@chakra-ui/react";
import { useLayoutEffect, useRef } from "react";
import { useTimeZone } from "../app/timezone";
import { LogLines } from "./LogLines";
import { startOf, type Tail } from "./tail";

/** How close to the end, in pixels, counts as being there. */
const NEAR = 24;

export interface LogTextProps {
  tail: Tail;
  /** Stay at the end, whatever comes. */
  following: boolean;
  /** Somebody wants to read what is further up. */
  onScrollBack: () => void;
}

/** The text of a log, in a box of its own that scrolls. */
export function LogText({ tail, following, onScrollBack }: LogTextProps) {
  const timeZone = useTimeZone();
  const box = useRef<HTMLPreElement>(null);
  const seen = useRef({ start: startOf(tail), height: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) {
      return;
    }
    if (following) {
      element.scrollTop = element.scrollHeight;
    } else if (startOf(tail) < seen.current.start) {
      // What was put in above must not move what is being read.
      element.scrollTop += element.scrollHeight - seen.current.height;
    }
    seen.current = { start: startOf(tail), height: element.scrollHeight };
  }, [tail, following]);
  return (
    <chakra.pre
      ref={box}
      // By keyboard it scrolls only when it can have the focus.
      tabIndex={0}
      role="log"
      aria-label="Log"
      aria-live="off"
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        if (scrollHeight - scrollTop - clientHeight > NEAR) {
          onScrollBack();
        }
      }}
      flex={1}
      minH={0}
      overflow="auto"
      bg="bg.subtle"
      borderWidth={1}
      borderColor="border"
      borderRadius="md"
      p={2}
      fontFamily="mono"
      fontSize="xs"
      whiteSpace="pre-wrap"
      overflowWrap="anywhere"
    >
      {tail.map((piece) => (
        <LogLines key={piece.start_offset} text={piece.text} timeZone={timeZone} />
      ))}
      {tail.every((piece) => piece.text === "" && piece.where === null) ? (
        <chakra.span color="fg.muted">Nothing has been written.</chakra.span>
      ) : null}
    </chakra.pre>
  );
}
