import { Box, Collapsible, Input, NativeSelect, Stack } from "@chakra-ui/react";
import { LuChevronRight } from "react-icons/lu";
import { Labelled } from "../parts/Labelled";
import type { TokenForm } from "./form";
import { Lifetime } from "./Lifetime";
import { TokenBounds } from "./TokenBounds";

export interface TokenFieldsProps {
  form: TokenForm;
  onChange: (changes: Partial<TokenForm>) => void;
}

const PURPOSES: Record<TokenForm["kind"], string> = {
  agent: "Kept on a host: it lets the agent there take work.",
  submit: "Kept in a connection of Airflow's: it lets tasks run commands on hosts.",
};

/** What is asked of a new token: the little that everybody has to say, and the rest behind "More bounds". */
export function TokenFields({ form, onChange }: TokenFieldsProps) {
  return (
    <Stack gap={4}>
      <Labelled label="For" help={PURPOSES[form.kind]}>
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
      <Labelled
        label="Name"
        isRequired
        help={`Such as the ${form.kind === "agent" ? "host" : "team"}'s. Letters, digits, '.', '_' and '-'.`}
      >
        <Input value={form.name} onChange={(event) => onChange({ name: event.currentTarget.value })} maxLength={64} />
      </Labelled>
      <Labelled label="Queues" help="Separated by commas. Empty: every queue.">
        <Input
          value={form.queues}
          placeholder="onprem, reports"
          onChange={(event) => onChange({ queues: event.currentTarget.value })}
        />
      </Labelled>
      {form.kind === "submit" ? (
        <Labelled label="Users to run as" help="Of the host. Empty: commands run as the agent's own user only.">
          <Input
            value={form.runAsUsers}
            placeholder="etl, backup"
            onChange={(event) => onChange({ runAsUsers: event.currentTarget.value })}
          />
        </Labelled>
      ) : null}
      <Lifetime form={form} onChange={onChange} />
      <Collapsible.Root lazyMount>
        <Collapsible.Trigger display="flex" alignItems="center" gap={1} fontWeight="medium" cursor="pointer">
          <Collapsible.Indicator _open={{ transform: "rotate(90deg)" }}>
            <LuChevronRight aria-hidden />
          </Collapsible.Indicator>
          More bounds
        </Collapsible.Trigger>
        <Collapsible.Content>
          <Box pt={3}>
            <TokenBounds form={form} onChange={onChange} />
          </Box>
        </Collapsible.Content>
      </Collapsible.Root>
    </Stack>
  );
}
