import { Field, Fieldset, Input } from "@chakra-ui/react";
import { Radios } from "../../parts/Radios";

/** `keep`: as it is; `own`: as the host is configured; `set`: this value. */
export interface Setting {
  how: "keep" | "own" | "set";
  value: string;
}

export interface SettingFieldProps {
  label: string;
  help: string;
  error: string | null;
  /** What the host is configured with; null where that differs from agent to agent. */
  own: string | null;
  setting: Setting;
  onChange: (setting: Setting) => void;
}

/** Leave something of an agent as it is, set it, or give it back to its host. */
export function SettingField({ label, help, error, own, setting, onChange }: SettingFieldProps) {
  const ways = { keep: "Leave", set: "Set", own: own === null ? "As each host says" : `As the host says (${own})` };
  return (
    <Fieldset.Root>
      <Fieldset.Legend fontWeight="medium">{label}</Fieldset.Legend>
      <Radios label={label} ways={ways} value={setting.how} onChange={(how) => onChange({ ...setting, how })} />
      {setting.how === "set" ? (
        <Field.Root invalid={error !== null}>
          <Input
            aria-label={label}
            value={setting.value}
            onChange={(event) => onChange({ ...setting, value: event.target.value })}
          />
          <Field.HelperText>{help}</Field.HelperText>
          <Field.ErrorText>{error}</Field.ErrorText>
        </Field.Root>
      ) : null}
    </Fieldset.Root>
  );
}
