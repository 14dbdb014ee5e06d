import { DataList } from "@chakra-ui/react";
import type { ReactNode } from "react";

/** A list of facts, the name of each before it. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <DataList.Root orientation="horizontal" size="sm" gap={1.5} css={{ "--list-item-label-min-w": "8rem" }}>
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
