import { Box, Table } from "@chakra-ui/react";
import { useState } from "react";
import type { TokenView } from "../api/types";
import { RevokeDialog } from "./RevokeDialog";
import { RotateDialog } from "./RotateDialog";
import { TokenRow } from "./TokenRow";

export interface TokensTableProps {
  tokens: TokenView[];
}

/** Tokens, one a row: until when they work, what they allow, who used them last. */
export function TokensTable({ tokens }: TokensTableProps) {
  const [asked, setAsked] = useState<{ what: "rotate" | "revoke"; token: TokenView } | null>(null);
  const close = () => setAsked(null);
  return (
    <>
      <Table.ScrollArea>
        <Table.Root size="sm">
          <Table.Header>
            <Table.Row>
              <Table.ColumnHeader>Token</Table.ColumnHeader>
              <Table.ColumnHeader>Expiry</Table.ColumnHeader>
              <Table.ColumnHeader>Allows</Table.ColumnHeader>
              <Table.ColumnHeader>Last used</Table.ColumnHeader>
              <Table.ColumnHeader>Created</Table.ColumnHeader>
              <Table.ColumnHeader>
                <Box srOnly>Actions</Box>
              </Table.ColumnHeader>
            </Table.Row>
          </Table.Header>
          <Table.Body>
            {tokens.map((token) => (
              <TokenRow
                key={token.name}
                token={token}
                onRotate={() => setAsked({ what: "rotate", token })}
                onRevoke={() => setAsked({ what: "revoke", token })}
              />
            ))}
          </Table.Body>
        </Table.Root>
      </Table.ScrollArea>
      {asked?.what === "rotate" ? <RotateDialog token={asked.token} onClose={close} /> : null}
      {asked?.what === "revoke" ? <RevokeDialog token={asked.token} onClose={close} /> : null}
    </>
  );
}
