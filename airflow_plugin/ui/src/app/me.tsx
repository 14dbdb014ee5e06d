// Who looks and what they may do, for every part of the page.
import { createContext, type ReactNode, useContext } from "react";
import { useMeQuery } from "../api/queries";
import type { Me } from "../api/types";
import { Loading } from "../parts/Loading";
import { ProblemMessage } from "../parts/ProblemMessage";

const MeContext = createContext<Me | null>(null);

/** Shows its children as soon as it is known who looks. */
export function MeProvider({ children }: { children: ReactNode }) {
  const { data, error } = useMeQuery();
  if (data !== undefined) {
    return <MeContext value={data}>{children}</MeContext>;
  }
  return error === null ? <Loading /> : <ProblemMessage error={error} title="Edge Agents cannot be shown" />;
}

export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === null) {
    throw new Error("useMe() outside of MeProvider");
  }
  return me;
}
