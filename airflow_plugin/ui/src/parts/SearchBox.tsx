import { CloseButton, Input, InputGroup } from "@chakra-ui/react";
import { FiSearch } from "react-icons/fi";
import { useTyped } from "./useTyped";

export interface SearchBoxProps {
  value: string;
  onChange: (value: string) => void;
  /** What is searched: "Search name, host or address". */
  label: string;
}

/** A field to search by, which hands on what was typed once the typist pauses. */
export function SearchBox({ value, onChange, label }: SearchBoxProps) {
  const [typed, setTyped] = useTyped(value, onChange);
  return (
    <InputGroup
      maxW="lg"
      startElement={<FiSearch aria-hidden />}
      {...(typed === ""
        ? {}
        : { endElement: <CloseButton aria-label="Clear search" size="xs" onClick={() => setTyped("")} /> })}
    >
      <Input
        aria-label={label}
        placeholder={label}
        size="sm"
        type="search"
        css={{ "&::-webkit-search-cancel-button": { display: "none" } }}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </InputGroup>
  );
}
