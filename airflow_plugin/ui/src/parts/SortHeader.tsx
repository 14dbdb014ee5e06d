import { Button, Table } from "@chakra-ui/react";
import type { ReactNode } from "react";
import { LuArrowDown, LuArrowUp, LuArrowUpDown } from "react-icons/lu";

export interface SortHeaderProps {
  /** What the server sorts by. */
  by: string;
  /** What is sorted by now; "-" before it: descending. */
  sort: string;
  onSort: (sort: string) => void;
  children: ReactNode;
}

/** The head of a column that can be sorted by: ascending, descending, and round again. */
export function SortHeader({ by, sort, onSort, children }: SortHeaderProps) {
  const order = sort === by ? "ascending" : sort === `-${by}` ? "descending" : "none";
  const Icon = { ascending: LuArrowUp, descending: LuArrowDown, none: LuArrowUpDown }[order];
  return (
    <Table.ColumnHeader whiteSpace="nowrap" aria-sort={order}>
      <Button
        variant="plain"
        px={0}
        height="auto"
        fontWeight="inherit"
        color="inherit"
        onClick={() => onSort(order === "ascending" ? `-${by}` : by)}
      >
        {children}
        <Icon aria-hidden />
      </Button>
    </Table.ColumnHeader>
  );
}
