import { Button, Dialog, Portal, Stack, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";
import { CodeBlock } from "../parts/CodeBlock";

export interface SecretDialogProps {
  /** Of the token. */
  name: string;
  secret: string;
  /** What to do with it. */
  children: ReactNode;
  onClose: () => void;
}

/** A secret, this once. It is in no other place: neither a slip of the pointer nor a key closes this. */
export function SecretDialog({ name, secret, children, onClose }: SecretDialogProps) {
  return (
    <Dialog.Root open closeOnInteractOutside={false} closeOnEscape={false} scrollBehavior="inside">
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content>
            <Dialog.Header>
              <Dialog.Title>Token {name}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <Stack gap={4}>
                <Text>This is its secret. It is shown this once.</Text>
                <CodeBlock label="secret" text={secret} />
                {children}
              </Stack>
            </Dialog.Body>
            <Dialog.Footer>
              <Button onClick={onClose}>I have kept it</Button>
            </Dialog.Footer>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
