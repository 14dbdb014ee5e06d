// A log that a server could have, asked for the way the page asks.
import { HttpResponse, http } from "msw";
import type { LogPiece } from "../api/types";
import { server } from "./server";

export interface FakeLog {
  text: string;
  isOver: boolean;
  where: string | null;
  /** Every offset that was asked for. */
  asked: number[];
}

/** Serve the log of any job, until the end of the test. What is changed in the answer is served from then on. */
export function serveLog(text: string, { isOver = false, where = null }: Partial<FakeLog> = {}): FakeLog {
  const log: FakeLog = { text, isOver, where, asked: [] };
  server.use(
    http.get("http://airflow.test/edge_agent/v1/ui/jobs/:id/log", ({ request }) => {
      const params = new URL(request.url).searchParams;
      const asked = Number(params.get("offset"));
      log.asked.push(asked);
      return HttpResponse.json(pieceOf(log, asked, Number(params.get("limit"))));
    }),
  );
  return log;
}

function pieceOf({ text, isOver, where }: FakeLog, asked: number, limit: number): LogPiece & Record<string, unknown> {
  const start = Math.min(text.length, asked < 0 ? Math.max(0, text.length + asked) : asked);
  const next = Math.min(text.length, start + limit);
  return {
    text: text.slice(start, next),
    start_offset: start,
    next_offset: next,
    log_bytes: text.length,
    is_over: isOver && next === text.length,
    where,
  };
}
