import { Box, Checkbox, HStack, Input, Stack, Text } from "@chakra-ui/react";
import { Labelled } from "../parts/Labelled";
import type { TokenForm } from "./form";

export interface LifetimeProps {
  form: Pick<TokenForm, "days" | "neverExpires">;
  onChange: (changes: Partial<Pick<TokenForm, "days" | "neverExpires">>) => void;
}

/** For how many days, or for ever, which has to be said. */
export function Lifetime({ form, onChange }: LifetimeProps) {
  return (
    <Stack gap={1}>
      <HStack gap={4} align="end">
        <Box w={32}>
          <Labelled label="Expires in days">
            <Input
              type="number"
              min={0}
              max={36_500}
              step="any"
              disabled={form.neverExpires}
              value={form.neverExpires ? "" : form.days}
              onChange={(event) => onChange({ days: event.currentTarget.value })}
            />
          </Labelled>
        </Box>
        {/* Not within the field: a label belongs to one control. */}
        <Checkbox.Root
          mb={2}
          checked={form.neverExpires}
          onCheckedChange={({ checked }) => onChange({ neverExpires: checked === true })}
        >
          <Checkbox.HiddenInput />
          <Checkbox.Control />
          <Checkbox.Label>Never expires</Checkbox.Label>
        </Checkbox.Root>
      </HStack>
      {form.neverExpires ? <Text fontSize="sm">Whoever gets hold of it has it for good.</Text> : null}
    </Stack>
  );
}
