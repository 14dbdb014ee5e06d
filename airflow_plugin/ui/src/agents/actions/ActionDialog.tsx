import { List, Stack, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";
import type { AgentView } from "../../api/types";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { named, whom } from "./words";

export interface ActionDialogProps {
  agents: AgentView[];
  onClose: () => void;
}

interface Props extends ActionDialogProps {
  /** "Cordon": stands before whom it concerns, and on the button. */
  verb: string;
  /** What it leads to, a sentence each; null is left out. */
  consequences: (string | null)[];
  onConfirm: () => void;
  isBusy: boolean;
  error: Error | null;
  isDangerous?: boolean;
  isIncomplete?: boolean;
  /** What is asked for. */
  children?: ReactNode;
}

/** Says what an action on agents leads to, and asks what it needs. */
export function ActionDialog({ agents, verb, consequences, children, ...confirm }: Props) {
  return (
    <ConfirmDialog {...confirm} title={`${verb} ${whom(agents)}`} confirmLabel={verb}>
      <Stack gap={4}>
        {agents.length > 1 ? <Text fontWeight="semibold">{named(agents)}</Text> : null}
        <List.Root ps={5} gap={1}>
          {consequences
            .filter((sentence) => sentence !== null)
            .map((sentence) => (
              <List.Item key={sentence}>{sentence}</List.Item>
            ))}
        </List.Root>
        {children}
      </Stack>
    </ConfirmDialog>
  );
}
