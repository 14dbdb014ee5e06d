import { NativeSelect, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { rotateToken, useAction } from "../api/actions";
import type { TokenView } from "../api/types";
import { ConfirmDialog } from "../parts/ConfirmDialog";
import { Labelled } from "../parts/Labelled";
import { ReasonField } from "../parts/ReasonField";
import { Lifetime } from "./Lifetime";
import { RotatedDialog } from "./RotatedDialog";

const HOUR = 3600;
const USUAL = 24 * HOUR;
const OVERLAPS: [number, string][] = [
  [0, "no longer: it is in wrong hands"],
  [HOUR, "an hour"],
  [USUAL, "a day"],
  [7 * USUAL, "a week"],
];

export interface RotateDialogProps {
  token: TokenView;
  onClose: () => void;
}

/** Asks for how long the secret before goes on, gives the token a new one, and shows that this once. */
export function RotateDialog({ token, onClose }: RotateDialogProps) {
  const [overlap, setOverlap] = useState(USUAL);
  const [life, setLife] = useState({ days: "90", neverExpires: token.expires_at === null });
  const [reason, setReason] = useState("");
  const rotate = useAction((body: Parameters<typeof rotateToken>[1]) => rotateToken(token.name, body));
  if (rotate.data !== undefined) {
    return <RotatedDialog token={token} secret={rotate.data.token} overlapSeconds={overlap} onClose={onClose} />;
  }
  const confirm = () =>
    rotate.mutate({
      overlap_seconds: overlap,
      expires_in_days: life.neverExpires ? null : Number(life.days),
      reason: reason.trim() || null,
    });
  return (
    <ConfirmDialog
      title={`Rotate token ${token.name}?`}
      confirmLabel="Rotate token"
      isDangerous={overlap === 0}
      isBusy={rotate.isPending}
      isIncomplete={!life.neverExpires && !(Number(life.days) > 0)}
      error={rotate.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <Stack gap={4}>
        <Text>It gets a new secret; its name and its bounds stay.</Text>
        <Labelled label="The secret before works for">
          <NativeSelect.Root size="sm">
            <NativeSelect.Field value={overlap} onChange={(event) => setOverlap(Number(event.currentTarget.value))}>
              {OVERLAPS.map(([seconds, words]) => (
                <option key={seconds} value={seconds}>
                  {words}
                </option>
              ))}
            </NativeSelect.Field>
            <NativeSelect.Indicator />
          </NativeSelect.Root>
        </Labelled>
        <Text>{consequenceOf(token.kind, overlap)}</Text>
        <Lifetime form={life} onChange={(changes) => setLife((before) => ({ ...before, ...changes }))} />
        <ReasonField value={reason} onChange={setReason} help="Stands in the audit log." />
      </Stack>
    </ConfirmDialog>
  );
}

function consequenceOf(kind: TokenView["kind"], overlap: number): string {
  if (kind === "submit") {
    return overlap === 0
      ? "The secret before stops working at once: operators that wait for a command fail unless their connection has the new one by then."
      : "Nothing that runs is disturbed. Write the new secret to its connections in Airflow in that time.";
  }
  return overlap === 0
    ? "Every session of the token ends at once. Agents that have the new secret in their token file by then register again, and their jobs go on. The others stop."
    : "Nothing that runs is disturbed. Write the new secret to the token file of each host in that time: an agent reads it when it next registers.";
}
