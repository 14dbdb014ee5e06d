import { useRef } from "react";
import { useAction } from "../../api/actions";
import type { AgentView } from "../../api/types";
import { notify } from "../../parts/Notices";
import type { ActionDialogProps } from "./ActionDialog";

const AT_ONCE = 4;

interface Bulk<Output> extends ActionDialogProps {
  act: (agent: AgentView) => Promise<Output>;
  /** What to say when all of it is done. */
  say: (outputs: Output[]) => string;
}

/** What a dialog needs to do something to each of its agents: tried again, it goes on with those that were refused. */
export function useBulk<Output>({ agents, act, say, onClose }: Bulk<Output>) {
  const done = useRef(new Map<string, Output>());
  const action = useAction(async () => {
    const rest = agents.filter((agent) => !done.current.has(agent.name));
    const refused: string[] = [];
    const one = async (agent: AgentView) => {
      try {
        done.current.set(agent.name, await act(agent));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        refused.push(agents.length === 1 ? why : `${agent.name}: ${why}`);
      }
    };
    while (rest.length > 0) {
      await Promise.all(rest.splice(0, AT_ONCE).map(one));
    }
    if (refused.length > 0) {
      const head = agents.length === 1 ? [] : [`${done.current.size} of ${agents.length} are done. The others:`];
      throw new Error([...head, ...refused].join("\n"));
    }
    return [...done.current.values()];
  });
  const onSuccess = (outputs: Output[]) => {
    notify(say(outputs));
    onClose();
  };
  return {
    onConfirm: () => action.mutate(undefined, { onSuccess }),
    onClose,
    agents,
    isBusy: action.isPending,
    error: action.error,
  };
}
