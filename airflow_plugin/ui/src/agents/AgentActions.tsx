import { Button, IconButton, Menu, Portal, Wrap } from "@chakra-ui/react";
import { useRef, useState } from "react";
import { LuEllipsisVertical } from "react-icons/lu";
import type { AgentView } from "../api/types";
import { useMe } from "../app/me";
import { useAsk } from "./actions/Asking";
import { ACTIONS, type ActionName, actionsOn } from "./actions/actions";
import { whom } from "./actions/words";

export interface AgentActionsProps {
  /** One, or those selected. An action is offered when it concerns some of them, and concerns only these. */
  agents: AgentView[];
  /** A menu behind three dots, or buttons side by side. */
  look: "menu" | "buttons";
  onDeleted?: () => void;
}

/** What may be done to agents, each after a question that says what it leads to. Nothing for who may not. */
export function AgentActions({ agents, look, onDeleted }: AgentActionsProps) {
  const me = useMe();
  const ask = useAsk();
  if (!me.may_steer) {
    return null;
  }
  const Look = look === "menu" ? ActionMenu : ActionButtons;
  return (
    <Look
      offered={actionsOn(agents)}
      onChoose={(name, opener) => ask({ name, agents, onDeleted, opener })}
      label={`Actions on ${whom(agents)}`}
    />
  );
}

interface LookProps {
  offered: ActionName[];
  onChoose: (name: ActionName, opener: HTMLElement | null) => void;
  label: string;
}

/** Three dots, and a menu once they are touched: a table has hundreds of them. */
function ActionMenu({ offered, onChoose, label }: LookProps) {
  const [isTouched, setTouched] = useState(false);
  const trigger = useRef<HTMLButtonElement>(null);
  if (!isTouched) {
    return (
      <IconButton aria-label={label} aria-haspopup="menu" size="xs" variant="ghost" onClick={() => setTouched(true)}>
        <LuEllipsisVertical />
      </IconButton>
    );
  }
  return (
    <Menu.Root
      defaultOpen
      onSelect={({ value }) => onChoose(value as ActionName, trigger.current)}
      lazyMount
      unmountOnExit
    >
      <Menu.Trigger asChild>
        <IconButton ref={trigger} aria-label={label} size="xs" variant="ghost">
          <LuEllipsisVertical />
        </IconButton>
      </Menu.Trigger>
      <Portal>
        <Menu.Positioner>
          <Menu.Content>
            {offered.map((name) => {
              const { label: text, Icon } = ACTIONS[name];
              return (
                <Menu.Item key={name} value={name} {...(name === "delete" ? { color: "fg.error" } : {})}>
                  <Icon aria-hidden />
                  {text}
                </Menu.Item>
              );
            })}
          </Menu.Content>
        </Menu.Positioner>
      </Portal>
    </Menu.Root>
  );
}

function ActionButtons({ offered, onChoose, label }: LookProps) {
  return (
    <Wrap gap={2} role="group" aria-label={label}>
      {offered.map((name) => {
        const { label: text, Icon } = ACTIONS[name];
        return (
          <Button
            key={name}
            size="sm"
            variant="outline"
            colorPalette={name === "delete" ? "danger" : "brand"}
            onClick={(event) => onChoose(name, event.currentTarget)}
          >
            <Icon aria-hidden />
            {text}
          </Button>
        );
      })}
    </Wrap>
  );
}
