import { createListCollection, Portal, Select } from "@chakra-ui/react";
import { useMemo } from "react";

export interface ChoiceProps {
  /** What is chosen: "queues". */
  label: string;
  /** What stands there when nothing is chosen, if it is not "All queues". */
  none?: string;
  options: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** Only one at a time. */
  isSingle?: boolean;
}

/** Filter by one or several of a few words; none chosen means all. */
export function Choice({ label, none = `All ${label}`, options, chosen, onChange, isSingle = false }: ChoiceProps) {
  // What the address asks for is shown even when nothing has it any more: else it could not be taken away.
  const items = useMemo(() => [...new Set([...options, ...chosen])], [options, chosen]);
  const collection = useMemo(() => createListCollection({ items }), [items]);
  return (
    <Select.Root
      collection={collection}
      multiple={!isSingle}
      value={[...chosen]}
      onValueChange={({ value }) => onChange(value)}
      deselectable
      width="auto"
      minW={40}
      maxW={72}
    >
      <Select.HiddenSelect />
      <Select.Label srOnly>Filter by {label}</Select.Label>
      <Select.Control>
        <Select.Trigger>
          <Select.ValueText color="fg.muted" placeholder={none} />
        </Select.Trigger>
        <Select.IndicatorGroup>
          {chosen.length > 0 ? <Select.ClearTrigger aria-label={none} /> : null}
          <Select.Indicator />
        </Select.IndicatorGroup>
      </Select.Control>
      <Portal>
        <Select.Positioner>
          <Select.Content>
            {items.map((item) => (
              <Select.Item key={item} item={item}>
                {item}
                <Select.ItemIndicator />
              </Select.Item>
            ))}
          </Select.Content>
        </Select.Positioner>
      </Portal>
    </Select.Root>
  );
}
