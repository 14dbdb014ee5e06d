import { useState } from "react";
import { changeSettings } from "../../api/actions";
import type { AgentView } from "../../api/types";
import { ReasonField } from "../../parts/ReasonField";
import { ActionDialog, type ActionDialogProps } from "./ActionDialog";
import { type Setting, SettingField } from "./SettingField";
import { useBulk } from "./useBulk";
import { whom } from "./words";

export function SettingsDialog({ agents, onClose }: ActionDialogProps) {
  const [only] = agents.length === 1 ? agents : [];
  const [slots, setSlots] = useState<Setting>({ how: "keep", value: only === undefined ? "" : String(only.slots) });
  const [queues, setQueues] = useState<Setting>({ how: "keep", value: only?.queues.join(", ") ?? "" });
  const [reason, setReason] = useState("");
  const action = useBulk({
    agents,
    act: (agent) =>
      changeSettings(agent.name, {
        slots: wanted(slots, Number, agent.slots_overridden ? agent.slots : null),
        queues: wanted(queues, words, agent.queues_overridden ? agent.queues : null),
        reason: reason.trim() || null,
      }),
    say: () => `Changed ${whom(agents)}`,
    onClose,
  });
  const isUnchanged = slots.how === "keep" && queues.how === "keep";
  return (
    <ActionDialog
      {...action}
      verb="Change"
      consequences={[
        "The agent is told at once. What runs goes on, also beyond fewer slots and in queues that are no longer served.",
        "What is set here outlives restarts of the agent, until it is set back to what its host says.",
      ]}
      isIncomplete={isUnchanged || !isCount(slots) || !areWords(queues)}
    >
      <SettingField
        label="Slots"
        help="How many one-slot jobs at the same time."
        error={isCount(slots) ? null : "Give a whole number of at least 1."}
        own={only === undefined ? null : String(only.own_slots)}
        setting={slots}
        onChange={setSlots}
      />
      <SettingField
        label="Queues"
        help={queuesHelp(only)}
        error={areWords(queues) ? null : "Give at least one queue."}
        own={only?.own_queues.join(", ") ?? null}
        setting={queues}
        onChange={setQueues}
      />
      <ReasonField value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

/** An admin cannot give a host a queue that its operator did not: it would refuse what comes from there. */
function queuesHelp(only: AgentView | undefined): string {
  const which = only === undefined ? "those that each host is configured for" : only.own_queues.join(", ");
  return `Separated by commas, from ${which}.`;
}

/** What to send for a setting: the server takes both at once, and null for what the host says. */
function wanted<T>(setting: Setting, read: (value: string) => T, now: T | null): T | null {
  return { keep: () => now, own: () => null, set: () => read(setting.value) }[setting.how]();
}

function words(value: string): AgentView["queues"] {
  return [...new Set(value.split(/[\s,]+/).filter((word) => word !== ""))];
}

function isCount({ how, value }: Setting): boolean {
  return how !== "set" || /^[1-9][0-9]*$/.test(value.trim());
}

function areWords({ how, value }: Setting): boolean {
  return how !== "set" || words(value).length > 0;
}
