import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { keys } from "../api/queries";
import type { LogPiece } from "../api/types";
import { every } from "../app/polling";
import { append, endOf, prepend, startOf, type Tail } from "./tail";

/** How often a log that still grows is asked for, in milliseconds: somebody is watching it. */
const INTERVAL = 1_000;

const BYTES = 65_536;

/** Pieces read at a time, where a job writes faster than one each time can show. */
const MOST_PIECES = 8;

const NOTHING: Tail = [];

/**
 * Read the end of a job's log and follow it while `following`. What was read stays; only new bytes are asked for.
 *
 * A hidden tab asks nothing, errors are asked again ever more slowly, and a log that is over is not asked for again.
 */
export function useLogTail(jobId: string, following: boolean) {
  const client = useQueryClient();
  const key = [...keys.job(jobId), "log"];
  const { data: tail = NOTHING, error } = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const shown = () => client.getQueryData<Tail>(key) ?? NOTHING;
      const { pieces, isAnother } = await since(jobId, endOf(shown()), signal);
      // Earlier lines may have been put before it meanwhile.
      return pieces.reduce(append, isAnother ? NOTHING : shown());
    },
    refetchInterval: (query) => {
      const last = query.state.data?.at(-1);
      return last?.is_over || (last !== undefined && !following) ? false : every(INTERVAL)(query);
    },
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
    gcTime: 0,
  });
  const earlier = useMutation({
    mutationFn: () => before(jobId, startOf(tail)),
    onSuccess: (pieces) =>
      client.setQueryData<Tail>(key, (now) => now && pieces.reduceRight<Tail>((all, each) => prepend(all, each), now)),
  });
  return {
    tail,
    error: error ?? earlier.error,
    loadEarlier: () => earlier.mutate(),
    isLoadingEarlier: earlier.isPending,
  };
}

interface News {
  pieces: LogPiece[];
  /** They are of another log: shorter than what was read, because the job went back to the queue meanwhile. */
  isAnother: boolean;
}

/** Return what has been written since an offset; null: the end of what there is. */
async function since(jobId: string, offset: number | null, signal: AbortSignal): Promise<News> {
  const pieces: LogPiece[] = [];
  let end = offset;
  for (let count = 0; count < MOST_PIECES; count += 1) {
    const piece = await pieceOf(jobId, end ?? -BYTES, BYTES, signal);
    if (end !== null && piece.start_offset < end) {
      return { ...(await since(jobId, null, signal)), isAnother: true };
    }
    pieces.push(piece);
    if (end === null || piece.next_offset <= end || piece.next_offset >= piece.log_bytes) {
      break;
    }
    end = piece.next_offset;
  }
  return { pieces, isAnother: false };
}

/** Return what stands before an offset, in as many pieces as it takes: each may be cut at the end of a line. */
async function before(jobId: string, end: number): Promise<LogPiece[]> {
  const pieces: LogPiece[] = [];
  let offset = Math.max(0, end - BYTES);
  while (offset < end) {
    const piece = await pieceOf(jobId, offset, end - offset, null);
    if (piece.next_offset <= offset) {
      break;
    }
    pieces.push(piece);
    offset = piece.next_offset;
  }
  return pieces;
}

function pieceOf(jobId: string, offset: number, limit: number, signal: AbortSignal | null): Promise<LogPiece> {
  const params = { path: { job_id: jobId }, query: { offset, limit } };
  return answer(api.GET("/v1/ui/jobs/{job_id}/log", { params, signal }));
}
