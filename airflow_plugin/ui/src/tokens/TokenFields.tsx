import { Collapsible, Input, NativeSelect, Stack } from "@chakra-ui/react";
import { LuChevronRight } from "react-icons/lu";
import { Labelled } from "../parts/Labelled";
import type { TokenForm } from "./form";
import { Lifetime } from "./Lifetime";
import { TokenBounds } from "./TokenBounds";

export interface TokenFieldsProps {
  form: TokenForm;
  onChange: (changes: Partial<TokenForm>) => void;
}

/** What is asked of a new token: the little that everybody has to say, and the rest behind "More bounds". */
export function TokenFields({ form, onChange }: TokenFieldsProps) {
  return (
    <Stack gap={4}>
      <Labelled label="Name" isRequired help="Such as the host's. Letters, digits, '.', '_' and '-'.">
        <Input value={form.name} onChange={(event) => onChange({ name: event.currentTarget.value })} maxLength={64} />
      </Labelled>
      <Labelled label="Queues" help="Separated by commas. Empty: every queue.">
        <Input
          value={form.queues}
          placeholder="onprem, reports"
          onChange={(event) => onChange({ queues: event.currentTarget.value })}
        />
      </Labelled>
      <Lifetime form={form} onChange={onChange} />
      <Collapsible.Root lazyMount>
        <Collapsible.Trigger display="flex" alignItems="center" gap={1} fontWeight="medium" cursor="pointer">
          <Collapsible.Indicator _open={{ transform: "rotate(90deg)" }}>
            <LuChevronRight aria-hidden />
          </Collapsible.Indicator>
          More bounds
        </Collapsible.Trigger>
        <Collapsible.Content>
          <Stack gap={4} pt={3}>
            <Labelled label="For">
              <NativeSelect.Root size="sm">
                <NativeSelect.Field
                  value={form.kind}
                  onChange={(event) => onChange({ kind: event.currentTarget.value === "submit" ? "submit" : "agent" })}
                >
                  <option value="agent">Agents that register</option>
                  <option value="submit">Operators that submit commands</option>
                </NativeSelect.Field>
                <NativeSelect.Indicator />
              </NativeSelect.Root>
            </Labelled>
            <TokenBounds form={form} onChange={onChange} />
          </Stack>
        </Collapsible.Content>
      </Collapsible.Root>
    </Stack>
  );
}
