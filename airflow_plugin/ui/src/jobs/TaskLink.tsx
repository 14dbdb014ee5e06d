import { Link as ChakraLink, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";
import type { JobView } from "../api/types";

/** What a job is called; for a task it leads to its instance in Airflow. */
export function TaskLink({ job }: { job: Pick<JobView, "label" | "task_url" | "hidden" | "try_number"> }) {
  if (job.hidden) {
    return (
      <Text as="span" color="fg.muted" fontStyle="italic">
        of a Dag that you may not see
      </Text>
    );
  }
  if (job.task_url === null) {
    return <Text as="span">{job.label}</Text>;
  }
  return (
    <ChakraLink asChild color="fg.info" wordBreak="break-word">
      <Link to={`/${job.task_url.replace(/^\//, "")}`}>{job.label}</Link>
    </ChakraLink>
  );
}
