import { Tag, Text, Wrap } from "@chakra-ui/react";
import { useState } from "react";

export interface TagsProps {
  values: readonly string[];
  /** What they are: "queues". */
  label: string;
  /** More than this are folded away. */
  most?: number;
}

/** Words side by side; those beyond `most` on demand. */
export function Tags({ values, label, most = 4 }: TagsProps) {
  const [isOpen, setOpen] = useState(false);
  if (values.length === 0) {
    return <Text as="span">–</Text>;
  }
  const shown = isOpen ? values : values.slice(0, most);
  const hidden = values.length - shown.length;
  return (
    <Wrap gap={1} asChild>
      <ul aria-label={label}>
        {shown.map((value) => (
          <Tag.Root key={value} size="sm" variant="surface" maxW={56} title={value} asChild>
            <li>
              <Tag.Label>{value}</Tag.Label>
            </li>
          </Tag.Root>
        ))}
        {hidden > 0 ? (
          <li>
            <Tag.Root size="sm" variant="outline" color="fg.muted" cursor="pointer" fontSize="xs" asChild>
              <button type="button" aria-label={`${hidden} more ${label}`} onClick={() => setOpen(true)}>
                +{hidden}
              </button>
            </Tag.Root>
          </li>
        ) : null}
      </ul>
    </Wrap>
  );
}
