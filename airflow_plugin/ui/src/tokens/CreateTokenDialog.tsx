import { useState } from "react";
import { createToken, useAction } from "../api/actions";
import type { CreatedToken, NewToken } from "../api/types";
import { ConfirmDialog } from "../parts/ConfirmDialog";
import { ConnectionGuide } from "./ConnectionGuide";
import { BLANK, isComplete, tokenOf } from "./form";
import { InstallGuide } from "./InstallGuide";
import { SecretDialog } from "./SecretDialog";
import { TokenFields } from "./TokenFields";
import { isOneName } from "./words";

export interface CreateTokenDialogProps {
  onClose: () => void;
}

/** Asks what a token is to allow, makes it, and shows its secret this once. */
export function CreateTokenDialog({ onClose }: CreateTokenDialogProps) {
  const [form, setForm] = useState(BLANK);
  const [made, setMade] = useState<{ token: NewToken; created: CreatedToken } | null>(null);
  const create = useAction(createToken);
  if (made !== null) {
    return <MadeDialog {...made} onClose={onClose} />;
  }
  const confirm = () => {
    const token = tokenOf(form);
    create.mutate(token, { onSuccess: (created) => setMade({ token, created }) });
  };
  return (
    <ConfirmDialog
      title="Create a token"
      confirmLabel="Create token"
      isBusy={create.isPending}
      isIncomplete={!isComplete(form)}
      error={create.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <TokenFields form={form} onChange={(changes) => setForm((before) => ({ ...before, ...changes }))} />
    </ConfirmDialog>
  );
}

interface MadeDialogProps extends CreateTokenDialogProps {
  token: NewToken;
  created: CreatedToken;
}

function MadeDialog({ token, created, onClose }: MadeDialogProps) {
  const only = token.agents?.length === 1 ? token.agents[0] : undefined;
  return (
    <SecretDialog name={token.name} secret={created.token} onClose={onClose}>
      {token.kind === "submit" ? (
        <ConnectionGuide created={created} queues={token.queues ?? []} />
      ) : (
        <InstallGuide
          created={created}
          agent={only !== undefined && isOneName(only) ? only : ""}
          queues={token.queues ?? []}
        />
      )}
    </SecretDialog>
  );
}
