import { Button, ButtonGroup } from "@chakra-ui/react";
import type { AgentCounts } from "../api/types";
import { HEALTH_LOOKS } from "../parts/healthLooks";
import { HEALTH } from "./useAgentsQuery";

export interface HealthFilterProps {
  /** Of all agents. */
  counts: AgentCounts;
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

/** How many agents are how, and by a click only these. */
export function HealthFilter({ counts, chosen, onChange }: HealthFilterProps) {
  return (
    <ButtonGroup size="xs" role="group" aria-label="Filter by health" flexWrap="wrap">
      {HEALTH.map((status) => {
        const isChosen = chosen.includes(status);
        const { palette, Icon } = HEALTH_LOOKS[status];
        return (
          <Button
            key={status}
            aria-pressed={isChosen}
            variant={isChosen ? "solid" : "outline"}
            colorPalette={isChosen ? "brand" : palette}
            borderRadius="full"
            onClick={() => onChange(isChosen ? chosen.filter((each) => each !== status) : [...chosen, status])}
          >
            <Icon aria-hidden />
            {counts[status]} {status}
          </Button>
        );
      })}
    </ButtonGroup>
  );
}
