// Where the question before an action stands: above the table, so that it outlives the row it came from.
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { AgentView } from "../../api/types";
import { ACTIONS, type ActionName } from "./actions";

interface Question {
  name: ActionName;
  agents: AgentView[];
  onDeleted?: (() => void) | undefined;
  /** Where the keyboard goes on afterwards. */
  opener: HTMLElement | null;
}

const AskContext = createContext<(question: Question) => void>(() => {
  throw new Error("useAsk() outside of Asking");
});

export function Asking({ children }: { children: ReactNode }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const Dialog = question === null ? null : ACTIONS[question.name].Dialog;
  const opener = question?.opener;
  useEffect(() => {
    if (opener !== undefined) {
      // After the dialog has gone, which would take the focus with it.
      return () => void setTimeout(() => opener?.focus());
    }
    return undefined;
  }, [opener]);
  return (
    <AskContext value={setQuestion}>
      {children}
      {question === null || Dialog === null ? null : (
        <Dialog agents={question.agents} onClose={() => setQuestion(null)} onDeleted={question.onDeleted} />
      )}
    </AskContext>
  );
}

/** Ask whether to do something to these agents, of which those are left out whom it does not concern. */
export function useAsk(): (question: Question) => void {
  const ask = useContext(AskContext);
  return (question) => ask({ ...question, agents: question.agents.filter(ACTIONS[question.name].applies) });
}
