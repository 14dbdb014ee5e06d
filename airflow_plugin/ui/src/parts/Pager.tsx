import { ButtonGroup, HStack, IconButton, Pagination, Text } from "@chakra-ui/react";
import { LuChevronLeft, LuChevronRight } from "react-icons/lu";

export interface PagerProps {
  /** What is paged: "agents". */
  label: string;
  total: number;
  limit: number;
  offset: number;
  onOffset: (offset: number) => void;
}

/** From page to page; nothing where there is only one. */
export function Pager({ label, total, limit, offset, onOffset }: PagerProps) {
  if (total <= limit && offset === 0) {
    return null;
  }
  const last = Math.min(offset + limit, total);
  return (
    <Pagination.Root
      aria-label={`Pages of ${label}`}
      count={total}
      page={Math.floor(offset / limit) + 1}
      pageSize={limit}
      onPageChange={({ page }) => onOffset((page - 1) * limit)}
      mt={3}
    >
      <HStack justifyContent="center" gap={4}>
        <ButtonGroup variant="ghost" size="sm">
          <Pagination.PrevTrigger asChild>
            <IconButton aria-label="Previous page">
              <LuChevronLeft />
            </IconButton>
          </Pagination.PrevTrigger>
          <Pagination.Items
            render={({ value }) => (
              <IconButton variant={{ base: "ghost", _selected: "outline" }} aria-label={`Page ${value}`}>
                {value}
              </IconButton>
            )}
          />
          <Pagination.NextTrigger asChild>
            <IconButton aria-label="Next page">
              <LuChevronRight />
            </IconButton>
          </Pagination.NextTrigger>
        </ButtonGroup>
        <Text fontSize="sm" color="fg.muted" whiteSpace="nowrap">
          {total === 0 ? 0 : offset + 1}–{last} of {total}
        </Text>
      </HStack>
    </Pagination.Root>
  );
}
