import { Center, Checkmark, chakra } from "@chakra-ui/react";
import { useEffect, useRef } from "react";

export interface TickProps {
  label: string;
  isChecked: boolean;
  /** Some of what it stands for are checked. */
  isPartial?: boolean;
  onChange: (isChecked: boolean) => void;
}

/** A box to tick, as Airflow's look; lighter than Chakra's own, because a table has hundreds. */
export function Tick({ label, isChecked, isPartial = false, onChange }: TickProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current !== null) {
      input.current.indeterminate = isPartial;
    }
  }, [isPartial]);
  return (
    <Center asChild position="relative" boxSize={5} cursor="pointer">
      <label>
        <chakra.input
          ref={input}
          type="checkbox"
          aria-label={label}
          className="peer"
          srOnly
          checked={isChecked}
          onChange={(event) => onChange(event.target.checked)}
        />
        <Checkmark
          size="sm"
          colorPalette="brand"
          checked={isChecked}
          indeterminate={isPartial}
          _peerFocusVisible={{ outline: "2px solid", outlineColor: "colorPalette.focusRing", outlineOffset: "2px" }}
        />
      </label>
    </Center>
  );
}
