import { ActionBar, CloseButton, Portal } from "@chakra-ui/react";
import type { AgentView } from "../api/types";
import { AgentActions } from "./AgentActions";

export interface BulkBarProps {
  agents: AgentView[];
  onClear: () => void;
}

/** What to do with the selected agents; at the foot of the page as long as there are some. */
export function BulkBar({ agents, onClear }: BulkBarProps) {
  return (
    <ActionBar.Root
      open={agents.length > 0}
      closeOnInteractOutside={false}
      onOpenChange={({ open }) => open || onClear()}
    >
      <Portal>
        <ActionBar.Positioner>
          <ActionBar.Content flexWrap="wrap" maxW="100vw">
            <ActionBar.SelectionTrigger as="div">{agents.length} selected</ActionBar.SelectionTrigger>
            <ActionBar.Separator />
            <AgentActions agents={agents} look="buttons" />
            <ActionBar.CloseTrigger asChild>
              <CloseButton size="sm" aria-label="Select none" />
            </ActionBar.CloseTrigger>
          </ActionBar.Content>
        </ActionBar.Positioner>
      </Portal>
    </ActionBar.Root>
  );
}
