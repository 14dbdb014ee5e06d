import { Skeleton, Stack } from "@chakra-ui/react";

/** Bars in place of what is on its way. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <Stack gap={3} p={2} role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars have no names, and never move.
        <Skeleton key={row} height={6} />
      ))}
    </Stack>
  );
}
