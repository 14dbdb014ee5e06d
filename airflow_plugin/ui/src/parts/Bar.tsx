import { HStack, Progress, Text } from "@chakra-ui/react";

export interface BarProps {
  used: number;
  total: number;
  /** What is counted, for those who hear the page: "slots used". */
  label: string;
}

/** So many of so many, as a bar with its numbers. */
export function Bar({ used, total, label }: BarProps) {
  const isFull = total > 0 && used >= total;
  return (
    <HStack gap={2} minW={24}>
      <Progress.Root
        value={total > 0 ? Math.min(used, total) : 0}
        max={Math.max(total, 1)}
        size="xs"
        flex="1"
        minW={12}
        colorPalette={isFull ? "orange" : "brand"}
        aria-label={`${used} of ${total} ${label}`}
      >
        <Progress.Track>
          <Progress.Range />
        </Progress.Track>
      </Progress.Root>
      <Text as="span" fontSize="sm" fontVariantNumeric="tabular-nums" whiteSpace="nowrap" aria-hidden>
        {used}/{total}
      </Text>
    </HStack>
  );
}
