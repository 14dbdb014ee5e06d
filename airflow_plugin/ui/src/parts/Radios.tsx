import { HStack, RadioGroup } from "@chakra-ui/react";

export interface RadiosProps<Way extends string> {
  /** For those who hear the page. */
  label: string;
  /** What each way is called. */
  ways: Record<Way, string>;
  value: Way;
  onChange: (way: Way) => void;
}

/** One of a few ways, all of them in sight. */
export function Radios<Way extends string>({ label, ways, value, onChange }: RadiosProps<Way>) {
  return (
    <RadioGroup.Root
      size="sm"
      colorPalette="brand"
      value={value}
      onValueChange={(details) => onChange(details.value as Way)}
      aria-label={label}
    >
      <HStack gap={4} flexWrap="wrap">
        {Object.entries<string>(ways).map(([way, text]) => (
          <RadioGroup.Item key={way} value={way}>
            <RadioGroup.ItemHiddenInput />
            <RadioGroup.ItemIndicator />
            <RadioGroup.ItemText>{text}</RadioGroup.ItemText>
          </RadioGroup.Item>
        ))}
      </HStack>
    </RadioGroup.Root>
  );
}
