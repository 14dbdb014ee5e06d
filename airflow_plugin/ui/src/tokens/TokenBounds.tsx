import { Checkbox, HStack, Input, NativeSelect, SimpleGrid } from "@chakra-ui/react";
import type { HTMLInputTypeAttribute } from "react";
import { Labelled } from "../parts/Labelled";
import type { Reach, TokenForm } from "./form";
import type { TokenFieldsProps } from "./TokenFields";

/** Every bound of a token but those that are always asked for, as far as they belong to its kind. */
export function TokenBounds({ form, onChange }: TokenFieldsProps) {
  const text = (name: keyof TokenForm) => ({
    value: String(form[name]),
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <SimpleGrid columns={{ base: 1, md: 2 }} gap={4} alignItems="start">
      {form.kind === "agent" ? (
        <>
          <Line label="Agents" help="Names, or patterns with * and ?. Empty: any name." {...text("agents")} />
          <Line label="At most so many agents" type="number" {...text("maxAgents")} />
          <Checkbox.Root
            checked={form.oneTime}
            onCheckedChange={({ checked }) => onChange({ oneTime: checked === true })}
          >
            <Checkbox.HiddenInput />
            <Checkbox.Control />
            <Checkbox.Label>Only the first agent that registers with it, ever</Checkbox.Label>
          </Checkbox.Root>
        </>
      ) : null}
      <Line label="Addresses" help="Networks such as 10.1.0.0/16. Empty: from anywhere." {...text("addresses")} />
      {form.kind === "agent" ? (
        <>
          <Reachable
            what="Connections"
            reach={form.connections}
            onReach={(connections) => onChange({ connections })}
            patterns={form.connectionPatterns}
            onPatterns={(connectionPatterns) => onChange({ connectionPatterns })}
          />
          <Reachable
            what="Variables"
            reach={form.variables}
            onReach={(variables) => onChange({ variables })}
            patterns={form.variablePatterns}
            onPatterns={(variablePatterns) => onChange({ variablePatterns })}
          />
        </>
      ) : null}
      <Line label="Team" help="Of Airflow, where it has teams." {...text("team")} />
      <Line label="Description" {...text("description")} />
    </SimpleGrid>
  );
}

interface LineProps {
  label: string;
  help?: string;
  type?: HTMLInputTypeAttribute;
  value: string;
  onChange: (value: string) => void;
}

function Line({ label, help, type = "text", value, onChange }: LineProps) {
  return (
    <Labelled label={label} {...(help === undefined ? {} : { help })}>
      <Input
        type={type}
        {...(type === "number" ? { min: 1, width: 28 } : {})}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </Labelled>
  );
}

interface ReachableProps {
  what: string;
  reach: Reach;
  onReach: (reach: Reach) => void;
  patterns: string;
  onPatterns: (patterns: string) => void;
}

/** Which of Airflow's connections or variables tasks on its agents may have: none is not the same as any. */
function Reachable({ what, reach, onReach, patterns, onPatterns }: ReachableProps) {
  return (
    <HStack align="end" gap={2}>
      <Labelled label={`${what} for its tasks`}>
        <NativeSelect.Root size="sm" width={28}>
          <NativeSelect.Field value={reach} onChange={(event) => onReach(event.currentTarget.value as Reach)}>
            <option value="all">all</option>
            <option value="none">none</option>
            <option value="some">only</option>
          </NativeSelect.Field>
          <NativeSelect.Indicator />
        </NativeSelect.Root>
      </Labelled>
      {reach === "some" ? (
        <Input
          aria-label={`${what}: names, or patterns with * and ?`}
          placeholder="site_a_*, shared"
          value={patterns}
          onChange={(event) => onPatterns(event.currentTarget.value)}
        />
      ) : null}
    </HStack>
  );
}
