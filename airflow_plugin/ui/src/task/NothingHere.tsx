import { Stack, Text } from "@chakra-ui/react";

/** The tab of a task that no agent has had, and that has submitted nothing: what that may mean. */
export function NothingHere() {
  return (
    <Stack color="fg.muted" py={6} gap={2} textAlign="center">
      <Text>
        No edge agent has, or had, this task instance. It runs on another executor, has not been queued, or ended so
        long ago that its jobs are not kept any more.
      </Text>
      <Text>
        Nor has it submitted a command: those of an EdgeAgentCommandOperator stand here as they are submitted.
      </Text>
    </Stack>
  );
}
