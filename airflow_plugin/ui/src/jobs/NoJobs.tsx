import { Link as ChakraLink, Stack, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import { useMe } from "../app/me";
import { type Search, searchOf } from "../app/search";
import { CodeBlock } from "../parts/CodeBlock";
import { isNarrowed } from "./search";

const COMMAND = `from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator

EdgeAgentCommandOperator(task_id="hello", command="uname -a", queue="onprem")`;

const TASK = `@task(executor="EdgeAgentExecutor", queue="onprem")
def hello(): ...`;

/** Nothing to list: because of how it is asked, or because nobody has had anything run yet, and then how one does. */
export function NoJobs({ search }: { search: Search }) {
  if (search.get("kind") === "command" && search.get("task_id") !== "") {
    return (
      <Empty>
        No command of this task is there: it has submitted none yet, or they ended so long ago that they are not kept
        any more.
      </Empty>
    );
  }
  if (isNarrowed(search)) {
    return isNarrowed(search, "kind") || search.get("kind") !== "command" ? (
      <Empty>No job is like that.</Empty>
    ) : (
      <Stack maxW="3xl" mx="auto" py={4}>
        <Empty>No command has been submitted yet.</Empty>
        <FirstCommand />
      </Stack>
    );
  }
  return (
    <Stack gap={4} maxW="3xl" mx="auto" py={4}>
      <Empty>No job has been queued for an edge agent yet.</Empty>
      <Text>A task runs on an agent when it names this executor and a queue that the agent serves:</Text>
      <CodeBlock label="task" text={TASK} />
      <FirstCommand />
    </Stack>
  );
}

function FirstCommand() {
  const { may_grant: mayGrant } = useMe();
  return (
    <Stack gap={4}>
      <Text>
        A command runs on a host that has no Airflow. The task that submits it runs anywhere, and holds no worker while
        it waits:
      </Text>
      <CodeBlock label="operator" text={COMMAND} />
      <Text>
        It needs a connection edge_agent_default of the type edge_agent, with a submit token as its password.{" "}
        {mayGrant ? (
          <ChakraLink asChild color="fg.info">
            <Link to={searchOf({ tab: "tokens" })}>Create one</Link>
          </ChakraLink>
        ) : (
          "To create one takes the right to edit connections."
        )}
      </Text>
    </Stack>
  );
}

function Empty({ children }: { children: string }) {
  return (
    <Text color="fg.muted" py={6} textAlign="center">
      {children}
    </Text>
  );
}
