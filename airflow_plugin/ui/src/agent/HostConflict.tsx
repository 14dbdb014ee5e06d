import { Button, HStack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { dismissConflict, reEnrol, useAction } from "../api/actions";
import type { AgentView } from "../api/types";
import { useMe } from "../app/me";
import { Ago } from "../parts/Ago";
import { ConfirmDialog } from "../parts/ConfirmDialog";
import { Note } from "../parts/Note";
import { ReasonField } from "../parts/ReasonField";
import { type Span, SpanField, seconds } from "../parts/SpanField";

export interface HostConflictProps {
  agent: AgentView;
}

/** That another host wants the agent's name, and what may be done about it. */
export function HostConflict({ agent }: HostConflictProps) {
  const { may_steer: maySteer } = useMe();
  const [asked, setAsked] = useState<"dismiss" | "re-enrol" | null>(null);
  const close = () => setAsked(null);
  return (
    <>
      {agent.host_conflicts === 0 ? null : (
        <Note status="error" title="Another host has asked for this name">
          <Text>
            {agent.host_conflict_hostname ?? "A host"}
            {agent.host_conflict_address === null ? null : ` (${agent.host_conflict_address})`} was refused{" "}
            {agent.host_conflicts === 1 ? "once" : `${agent.host_conflicts} times`}
            {agent.host_conflict_at === null ? null : (
              <>
                , last <Ago at={agent.host_conflict_at} />
              </>
            )}
            . Nothing was taken from the agent. If it was you, let that host have the name; if it was nobody of yours,
            somebody has the token: rotate it.
          </Text>
          {maySteer ? (
            <HStack gap={2} mt={2}>
              <Button size="xs" variant="outline" onClick={() => setAsked("re-enrol")}>
                Let another host have it
              </Button>
              <Button size="xs" variant="outline" onClick={() => setAsked("dismiss")}>
                Dismiss
              </Button>
            </HStack>
          ) : null}
        </Note>
      )}
      {agent.re_enrol_until === null ? null : (
        <Note status="info" title="Another host may have this name">
          The next other host that registers under it has it. That ends <Ago at={agent.re_enrol_until} />.
        </Note>
      )}
      {asked === "dismiss" ? <Dismissal name={agent.name} onClose={close} /> : null}
      {asked === "re-enrol" ? <ReEnrolment name={agent.name} onClose={close} /> : null}
    </>
  );
}

interface QuestionProps {
  name: string;
  onClose: () => void;
}

function Dismissal({ name, onClose }: QuestionProps) {
  const [reason, setReason] = useState("");
  const dismiss = useAction(() => dismissConflict(name, reason.trim() || null));
  return (
    <ConfirmDialog
      title={`Dismiss the conflict about ${name}`}
      confirmLabel="Dismiss"
      isBusy={dismiss.isPending}
      error={dismiss.error}
      onConfirm={() => dismiss.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Text mb={3}>What is known of the other host is forgotten. If it asks again, you are told again.</Text>
      <ReasonField value={reason} onChange={setReason} />
    </ConfirmDialog>
  );
}

function ReEnrolment({ name, onClose }: QuestionProps) {
  const [within, setWithin] = useState<Span>({ count: "1", unit: "hours" });
  const [reason, setReason] = useState("");
  const enrol = useAction((within_seconds: number) => reEnrol(name, { within_seconds, reason: reason.trim() || null }));
  const span = seconds(within);
  return (
    <ConfirmDialog
      title={`Let another host have ${name}`}
      confirmLabel="Re-enrol"
      isDangerous
      isBusy={enrol.isPending}
      isIncomplete={span === null || !(span > 0)}
      error={enrol.error}
      onConfirm={() => span !== null && enrol.mutate(span, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Text mb={3}>
        The next other host that registers under this name, with a token that allows it, has the name, and the present
        one has it no more. Until then the present one goes on. Whoever has such a token can come first: keep the time
        short.
      </Text>
      <SpanField label="Within" help="After that the name stays with its host." value={within} onChange={setWithin} />
      <ReasonField value={reason} onChange={setReason} />
    </ConfirmDialog>
  );
}
