import { Link as ChakraLink, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import { searchOf } from "../app/search";

/** Where Airflow's shell shows the page: from the tab of a task the way is absolute. */
export const PAGE = "/plugin/edge-agents";

export interface AgentLinkProps {
  /** null: no agent has it. */
  name: string | null;
}

/** The name of an agent, which leads to what is known of it. */
export function AgentLink({ name }: AgentLinkProps) {
  if (name === null) {
    return <Text as="span">–</Text>;
  }
  return (
    <ChakraLink asChild color="fg.info">
      <Link to={{ pathname: PAGE, search: searchOf({ agent: name }) }}>{name}</Link>
    </ChakraLink>
  );
}
