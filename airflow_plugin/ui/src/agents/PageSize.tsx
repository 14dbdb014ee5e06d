import { HStack, NativeSelect, Text } from "@chakra-ui/react";
import { useId } from "react";
import { SIZES } from "./useAgentsQuery";

/** How many rows a page has. */
export function PageSize({ limit, onChange }: { limit: number; onChange: (limit: number) => void }) {
  const field = useId();
  return (
    <HStack gap={2}>
      <Text asChild fontSize="sm" color="fg.muted" whiteSpace="nowrap">
        <label htmlFor={field}>Rows</label>
      </Text>
      <NativeSelect.Root size="sm" width={20}>
        <NativeSelect.Field id={field} value={limit} onChange={(event) => onChange(Number(event.target.value))}>
          {SIZES.map((size) => (
            <option key={size} value={size}>
              {size}
            </option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
    </HStack>
  );
}
