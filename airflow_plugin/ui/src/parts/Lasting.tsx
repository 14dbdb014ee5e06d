import { useNow } from "../app/clock";
import { inWords, secondsBetween } from "./spans";

export interface LastingProps {
  from: string;
  /** null: it goes on, and ticks. */
  until: string | null;
}

/** For how long something has been going on, or went on. */
export function Lasting({ from, until }: LastingProps) {
  return until === null ? <Ticking from={from} /> : inWords(secondsBetween(from, until));
}

function Ticking({ from }: { from: string }) {
  const now = useNow();
  return <>{inWords(secondsBetween(from, now))}</>;
}
