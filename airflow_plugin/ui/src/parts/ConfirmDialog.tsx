import { Button, CloseButton, Dialog, Portal } from "@chakra-ui/react";
import { type FormEvent, type ReactNode, useId } from "react";
import { ProblemMessage } from "./ProblemMessage";

export interface ConfirmDialogProps {
  title: string;
  /** On the button: the verb itself, never "OK". */
  confirmLabel: string;
  /** What it will lead to, and what is asked for. */
  children: ReactNode;
  onConfirm: () => void;
  onClose: () => void;
  isBusy?: boolean;
  /** What is asked for is not all there. */
  isIncomplete?: boolean;
  /** It destroys or ends something. */
  isDangerous?: boolean;
  /** Why it was refused. The dialog stays, so that nothing typed is lost. */
  error?: Error | null;
}

/** Asks before something is done. It is open as long as it is rendered. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const {
    title,
    confirmLabel,
    children,
    onConfirm,
    onClose,
    isBusy = false,
    isDangerous = false,
    error = null,
  } = props;
  const form = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onConfirm();
  };
  return (
    <Dialog.Root
      open
      initialFocusEl={() => document.getElementById(form)?.querySelector("input") ?? null}
      onOpenChange={({ open }) => open || isBusy || onClose()}
      role={isDangerous ? "alertdialog" : "dialog"}
    >
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content>
            <Dialog.Header>
              <Dialog.Title>{title}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body asChild>
              <form id={form} onSubmit={submit}>
                {children}
                {error === null ? null : <ProblemMessage error={error} />}
              </form>
            </Dialog.Body>
            <Dialog.Footer>
              <Button variant="outline" onClick={onClose} disabled={isBusy}>
                Cancel
              </Button>
              <Button
                type="submit"
                form={form}
                colorPalette={isDangerous ? "danger" : "brand"}
                loading={isBusy}
                disabled={props.isIncomplete ?? false}
              >
                {confirmLabel}
              </Button>
            </Dialog.Footer>
            <Dialog.CloseTrigger asChild>
              <CloseButton size="sm" disabled={isBusy} />
            </Dialog.CloseTrigger>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
