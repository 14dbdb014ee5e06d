// The tokens that let agents register and operators submit. Shown only to who may change them.
import { Button, Flex, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { LuPlus } from "react-icons/lu";
import { useTokens } from "../api/queries";
import { Loading } from "../parts/Loading";
import { Trouble } from "../parts/Trouble";
import { CreateTokenDialog } from "./CreateTokenDialog";
import { TokensTable } from "./TokensTable";

export function TokensTab() {
  const { data, error } = useTokens();
  const [isCreating, setCreating] = useState(false);
  return (
    <Stack gap={3}>
      <Flex justify="space-between" align="center" gap={4} wrap="wrap">
        <Text color="fg.muted" maxW="prose">
          An agent registers with a token, and an operator submits commands with one. Make one for each host, and one
          for each team that submits: then one can be revoked without touching the others.
        </Text>
        <Button onClick={() => setCreating(true)}>
          <LuPlus aria-hidden /> Create token
        </Button>
      </Flex>
      <Trouble error={error} data={data} />
      {data === undefined && error === null ? <Loading /> : null}
      {data?.length === 0 ? (
        <Stack color="fg.muted" py={6} gap={2} textAlign="center">
          <Text>There is no token yet.</Text>
          <Text>
            One for agents leads to the command that installs an agent; one for operators, to the connection that they
            submit with.
          </Text>
        </Stack>
      ) : null}
      {data === undefined || data.length === 0 ? null : <TokensTable tokens={data} />}
      {isCreating ? <CreateTokenDialog onClose={() => setCreating(false)} /> : null}
    </Stack>
  );
}
