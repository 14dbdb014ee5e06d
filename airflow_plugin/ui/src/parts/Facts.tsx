import { DataList } from "@chakra-ui/react";
import type { ReactNode } from "react";

export interface FactsProps {
  /** Side by side, where there is room. */
  columns?: 1 | 2;
  children: ReactNode;
}

/** A list of facts, the name of each before it. */
export function Facts({ columns = 1, children }: FactsProps) {
  return (
    <DataList.Root
      orientation="horizontal"
      size="sm"
      display="grid"
      gridTemplateColumns={{ base: "1fr", md: `repeat(${columns}, minmax(0, 1fr))` }}
      columnGap={6}
      rowGap={1.5}
      css={{ "--list-item-label-min-w": "7rem" }}
    >
      {children}
    </DataList.Root>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <DataList.Item alignItems="start">
      <DataList.ItemLabel>{name}</DataList.ItemLabel>
      <DataList.ItemValue display="block" minW={0} overflowWrap="anywhere">
        {children}
      </DataList.ItemValue>
    </DataList.Item>
  );
}
