import { Field } from "@chakra-ui/react";
import type { ReactNode } from "react";

export interface LabelledProps {
  label: string;
  help?: string;
  isRequired?: boolean;
  /** The one field that it is about. */
  children: ReactNode;
}

/** A field with its name above and a hint below, which those who hear the page are told, too. */
export function Labelled({ label, help, isRequired = false, children }: LabelledProps) {
  return (
    <Field.Root required={isRequired}>
      <Field.Label>
        {label}
        <Field.RequiredIndicator />
      </Field.Label>
      {children}
      {help === undefined ? null : <Field.HelperText>{help}</Field.HelperText>}
    </Field.Root>
  );
}
