import { Badge, Button, Link as ChakraLink, HStack, Stack, Table, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import type { TokenView } from "../api/types";
import { useNow } from "../app/clock";
import { searchOf } from "../app/search";
import { Ago } from "../parts/Ago";
import { When } from "../parts/When";
import { expiryOf } from "./expiry";
import { TokenAllowance } from "./TokenAllowance";

export interface TokenRowProps {
  token: TokenView;
  onRotate: () => void;
  onRevoke: () => void;
}

/** A token in the table. What it is called stays when it works no more; what can be done with it does not. */
export function TokenRow({ token, onRotate, onRevoke }: TokenRowProps) {
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
        <LastUse token={token} />
        {token.kind === "submit" ? <SubmittedWith token={token.name} /> : null}
      </Table.Cell>
      <Table.Cell>
        <Origin token={token} />
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

function LastUse({ token }: { token: TokenView }) {
  const { last_used_at: at, last_used_by: by, last_used_address: address } = token;
  if (at === null) {
    return "never";
  }
  return (
    <>
      <Ago at={at} />
      <Text fontSize="xs" color="fg.muted">
        {by === null ? null : `by ${by} `}
        {address === null ? null : `from ${address}`}
      </Text>
    </>
  );
}

/** The way to what was submitted with it. */
function SubmittedWith({ token }: { token: string }) {
  return (
    <ChakraLink asChild color="fg.info" fontSize="xs">
      <Link to={searchOf({ tab: "jobs", kind: "command", token })} aria-label={`Commands submitted with ${token}`}>
        its commands
      </Link>
    </ChakraLink>
  );
}

function Origin({ token }: { token: TokenView }) {
  return (
    <>
      <Ago at={token.created_at} />
      <Text fontSize="xs" color="fg.muted">
        {token.created_by === null ? null : `by ${token.created_by}`}
      </Text>
      {token.rotated_at === null ? null : (
        <Text fontSize="xs" color="fg.muted">
          rotated <Ago at={token.rotated_at} />
        </Text>
      )}
    </>
  );
}
