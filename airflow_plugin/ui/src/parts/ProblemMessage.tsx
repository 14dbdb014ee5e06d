import { Alert } from "@chakra-ui/react";

/** What went wrong, in the server's sentence. */
export function ProblemMessage({ error, title }: { error: Error; title?: string }) {
  return (
    <Alert.Root status="error" my={2} role="alert">
      <Alert.Indicator />
      <Alert.Content>
        {title === undefined ? null : <Alert.Title>{title}</Alert.Title>}
        <Alert.Description whiteSpace="pre-line" overflowWrap="anywhere">
          {error.message}
        </Alert.Description>
      </Alert.Content>
    </Alert.Root>
  );
}
