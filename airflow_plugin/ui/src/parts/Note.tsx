import { Alert } from "@chakra-ui/react";
import type { ReactNode } from "react";

export interface NoteProps {
  status: "info" | "warning" | "error";
  title: string;
  children: ReactNode;
}

/** What somebody should know before anything else. */
export function Note({ status, title, children }: NoteProps) {
  return (
    <Alert.Root status={status}>
      <Alert.Indicator />
      <Alert.Content>
        <Alert.Title>{title}</Alert.Title>
        <Alert.Description as="div">{children}</Alert.Description>
      </Alert.Content>
    </Alert.Root>
  );
}
