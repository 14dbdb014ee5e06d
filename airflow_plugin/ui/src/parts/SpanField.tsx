import { Field, HStack, Input, NativeSelect } from "@chakra-ui/react";

const UNITS = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 } as const;
export type Unit = keyof typeof UNITS;

/** A span as it is typed: "" is none. */
export interface Span {
  count: string;
  unit: Unit;
}

export interface SpanFieldProps {
  label: string;
  /** What none means. */
  help: string;
  value: Span;
  onChange: (value: Span) => void;
}

/** A number and a unit of time. */
export function SpanField({ label, help, value, onChange }: SpanFieldProps) {
  const isWrong = !isSpan(value);
  return (
    <Field.Root invalid={isWrong}>
      <Field.Label>{label}</Field.Label>
      <HStack>
        <Input
          inputMode="decimal"
          width={28}
          value={value.count}
          onChange={(event) => onChange({ ...value, count: event.target.value })}
        />
        <NativeSelect.Root width={36}>
          <NativeSelect.Field
            aria-label={`${label}: unit`}
            value={value.unit}
            onChange={(event) => onChange({ ...value, unit: event.target.value as Unit })}
          >
            {Object.keys(UNITS).map((unit) => (
              <option key={unit} value={unit}>
                {unit}
              </option>
            ))}
          </NativeSelect.Field>
          <NativeSelect.Indicator />
        </NativeSelect.Root>
      </HStack>
      <Field.HelperText>{help}</Field.HelperText>
      <Field.ErrorText>Give a number above 0, or nothing.</Field.ErrorText>
    </Field.Root>
  );
}

/** Seconds of what was typed; null for none. */
export function seconds({ count, unit }: Span): number | null {
  return count.trim() === "" ? null : Number(count) * UNITS[unit];
}

/** Whether it is a span, or none. */
export function isSpan(span: Span): boolean {
  const length = seconds(span);
  return length === null || (Number.isFinite(length) && length > 0);
}
