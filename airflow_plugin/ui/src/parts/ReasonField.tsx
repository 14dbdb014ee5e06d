import { Field, Input } from "@chakra-ui/react";

export interface ReasonFieldProps {
  value: string;
  onChange: (value: string) => void;
  /** Who will read it. */
  help?: string;
}

/** Why something is done, for those who come later. */
export function ReasonField({
  value,
  onChange,
  help = "Stands in the agent's events and in the audit log.",
}: ReasonFieldProps) {
  return (
    <Field.Root>
      <Field.Label>Reason</Field.Label>
      <Input maxLength={1000} value={value} onChange={(event) => onChange(event.target.value)} />
      <Field.HelperText>{help}</Field.HelperText>
    </Field.Root>
  );
}
