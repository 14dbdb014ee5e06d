import { Badge, Box, Button, HStack, Stack, Table, Text } from "@chakra-ui/react";
import { useState } from "react";
import type { TokenView } from "../api/types";
import { useNow } from "../app/clock";
import { Ago } from "../parts/Ago";
import { When } from "../parts/When";
import { expiryOf } from "./expiry";
import { RevokeDialog } from "./RevokeDialog";
import { RotateDialog } from "./RotateDialog";
import { TokenAllowance } from "./TokenAllowance";

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

interface TokenRowProps {
  token: TokenView;
  onRotate: () => void;
  onRevoke: () => void;
}

function TokenRow({ token, onRotate, onRevoke }: TokenRowProps) {
  const expiry = expiryOf(token, useNow());
  return (
    <Table.Row verticalAlign="top" color={expiry.works ? undefined : "fg.muted"}>
      <Table.Cell>
        <HStack gap={2}>
          <Text fontWeight="semibold">{token.name}</Text>
          {token.kind === "submit" ? <Badge size="sm">submits commands</Badge> : null}
        </HStack>
        {token.prefix === null ? null : (
          <Text fontSize="xs" color="fg.muted" fontFamily="mono">
            {token.kind === "submit" ? "est" : "eat"}_{token.prefix}_…
          </Text>
        )}
        {token.description === null ? null : <Text fontSize="sm">{token.description}</Text>}
      </Table.Cell>
      <Table.Cell whiteSpace="nowrap">
        <Stack gap={1} align="start">
          <Badge colorPalette={expiry.palette} borderRadius="full">
            {expiry.words}
          </Badge>
          {token.revoked_at === null && token.expires_at !== null ? (
            <When at={token.expires_at} fontSize="xs" color="fg.muted" />
          ) : null}
        </Stack>
      </Table.Cell>
      <Table.Cell>
        <TokenAllowance token={token} />
      </Table.Cell>
      <Table.Cell>
        {token.last_used_at === null ? (
          "never"
        ) : (
          <>
            <Ago at={token.last_used_at} />
            <Text fontSize="xs" color="fg.muted">
              {[
                token.last_used_by && `by ${token.last_used_by}`,
                token.last_used_address && `from ${token.last_used_address}`,
              ]
                .filter(Boolean)
                .join(" ")}
            </Text>
          </>
        )}
      </Table.Cell>
      <Table.Cell>
        <Ago at={token.created_at} />
        <Text fontSize="xs" color="fg.muted">
          {token.created_by === null ? null : `by ${token.created_by}`}
          {token.rotated_at === null ? null : (
            <>
              {" "}
              rotated <Ago at={token.rotated_at} />
            </>
          )}
        </Text>
      </Table.Cell>
      <Table.Cell>
        {token.revoked_at === null ? (
          <HStack gap={2} justify="end">
            <Button size="xs" variant="outline" aria-label={`Rotate ${token.name}`} onClick={onRotate}>
              Rotate
            </Button>
            <Button
              size="xs"
              variant="outline"
              colorPalette="danger"
              aria-label={`Revoke ${token.name}`}
              onClick={onRevoke}
            >
              Revoke
            </Button>
          </HStack>
        ) : null}
      </Table.Cell>
    </Table.Row>
  );
}
