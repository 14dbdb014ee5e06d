// What may be done to agents, and to which of them.
import type { ComponentType } from "react";
import type { IconType } from "react-icons";
import { LuCirclePlay, LuCircleSlash, LuHourglass, LuPower, LuSettings2, LuTrash2 } from "react-icons/lu";
import type { AgentView } from "../../api/types";
import { CordonDialog } from "./CordonDialog";
import { DeleteDialog, type DeleteDialogProps } from "./DeleteDialog";
import { DrainDialog } from "./DrainDialog";
import { SettingsDialog } from "./SettingsDialog";
import { StopDialog } from "./StopDialog";
import { UncordonDialog } from "./UncordonDialog";

export type ActionName = "cordon" | "uncordon" | "drain" | "stop" | "settings" | "delete";

interface Action {
  label: string;
  Icon: IconType;
  Dialog: ComponentType<DeleteDialogProps>;
  applies: (agent: AgentView) => boolean;
}

const always = () => true;
const isThere = (agent: AgentView) => agent.state === "connected";
const isCordoned = (agent: AgentView) => agent.cordoned_at !== null;

export const ACTIONS: Record<ActionName, Action> = {
  cordon: { label: "Cordon", Icon: LuCircleSlash, Dialog: CordonDialog, applies: always },
  uncordon: { label: "Uncordon", Icon: LuCirclePlay, Dialog: UncordonDialog, applies: isCordoned },
  drain: { label: "Drain", Icon: LuHourglass, Dialog: DrainDialog, applies: isThere },
  stop: { label: "Stop", Icon: LuPower, Dialog: StopDialog, applies: isThere },
  settings: { label: "Change slots and queues", Icon: LuSettings2, Dialog: SettingsDialog, applies: always },
  delete: { label: "Delete", Icon: LuTrash2, Dialog: DeleteDialog, applies: always },
};

/** Those that concern at least one of these agents, in the order of their harm. */
export function actionsOn(agents: readonly AgentView[]): ActionName[] {
  return (Object.keys(ACTIONS) as ActionName[]).filter((name) => agents.some(ACTIONS[name].applies));
}
