import { Input } from "@chakra-ui/react";
import { useEffect, useState } from "react";

/** How long somebody may pause while typing, in milliseconds. */
const PAUSE = 300;

export interface SearchFieldProps {
  label: string;
  value: string;
  onSearch: (value: string) => void;
}

/** A field that searches once its user pauses, so that not each letter is a request. */
export function SearchField({ label, value, onSearch }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  // What the address says wins when it changes from elsewhere, such as by going back.
  useEffect(() => setTyped(value), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed starts a search
  useEffect(() => {
    if (typed === value) {
      return;
    }
    const timer = setTimeout(() => onSearch(typed), PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <Input
      type="search"
      size="sm"
      width="auto"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  );
}
