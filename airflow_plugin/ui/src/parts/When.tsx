import { Text, type TextProps } from "@chakra-ui/react";
import { inZone, useTimeZone } from "../app/timezone";

export interface WhenProps extends TextProps {
  at: string | null;
}

/** A moment, in the time zone chosen in Airflow; a dash for none. */
export function When({ at, ...props }: WhenProps) {
  const timeZone = useTimeZone();
  if (at === null) {
    return <Text as="span">–</Text>;
  }
  return (
    <Text whiteSpace="nowrap" {...props} title={timeZone} asChild>
      <time dateTime={at}>{inZone(at, timeZone)}</time>
    </Text>
  );
}
