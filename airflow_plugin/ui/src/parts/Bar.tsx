import { Box, HStack, Text } from "@chakra-ui/react";

export interface BarProps {
  used: number;
  total: number;
  /** What is counted, for those who hear the page: "slots used". */
  label: string;
}

/** So many of so many, as a bar with its numbers. */
export function Bar({ used, total, label }: BarProps) {
  const share = total > 0 ? Math.min(used / total, 1) : 0;
  return (
    <HStack gap={2} minW={24}>
      <Box
        role="meter"
        aria-label={label}
        aria-valuenow={used}
        aria-valuemin={0}
        aria-valuemax={Math.max(total, used)}
        aria-valuetext={`${used} of ${total} ${label}`}
        flex="1"
        minW={12}
        height={1.5}
        borderRadius="full"
        bg="bg.emphasized"
        overflow="hidden"
      >
        <Box height="full" width={`${share * 100}%`} bg={share === 1 ? "orange.solid" : "brand.solid"} />
      </Box>
      <Text as="span" fontSize="sm" fontVariantNumeric="tabular-nums" whiteSpace="nowrap" aria-hidden>
        {used}/{total}
      </Text>
    </HStack>
  );
}
