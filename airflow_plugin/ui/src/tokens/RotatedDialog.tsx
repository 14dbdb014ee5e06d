import { Stack, Text } from "@chakra-ui/react";
import type { TokenView } from "../api/types";
import { CodeBlock } from "../parts/CodeBlock";
import { inWords } from "../parts/spans";
import { replaceCommand, replaceServiceCommand } from "./install";
import { SecretDialog } from "./SecretDialog";

export interface RotatedDialogProps {
  token: TokenView;
  secret: string;
  overlapSeconds: number;
  onClose: () => void;
}

/** The new secret of a token, and how it comes to where the old one is. */
export function RotatedDialog({ token, secret, overlapSeconds, onClose }: RotatedDialogProps) {
  return (
    <SecretDialog name={token.name} secret={secret} onClose={onClose}>
      <Text>
        {overlapSeconds === 0
          ? "The secret before and its sessions have ended."
          : `The secret before works for ${inWords(overlapSeconds)} more.`}
      </Text>
      {token.kind === "submit" ? (
        <Text>
          Write it as the password of each connection of Airflow's that has the one before. Operators that wait read
          their connection anew when the secret they have stops working: what they wait for goes on.
        </Text>
      ) : (
        <Stack gap={2}>
          <Text>On each of its hosts, as root, where the agent is a service:</Text>
          <CodeBlock label="command that replaces the token of a service" text={replaceServiceCommand(secret)} />
          <Text>
            Where it runs below a home, as its user. If the token file is in another place there, change that.
          </Text>
          <CodeBlock label="command that replaces the token file" text={replaceCommand(secret)} />
        </Stack>
      )}
    </SecretDialog>
  );
}
