import { ProblemMessage } from "./ProblemMessage";

export interface TroubleProps {
  error: Error | null;
  /** What was known before; it stays on the screen. */
  data: unknown;
}

/** Why a part of the page could not be read this time; said of old news, that it is old. */
export function Trouble({ error, data }: TroubleProps) {
  if (error === null) {
    return null;
  }
  return <ProblemMessage error={error} {...(data === undefined ? {} : { title: "What you see may be old" })} />;
}
