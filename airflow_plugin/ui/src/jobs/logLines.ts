/** A line of a log: as it is, or taken apart where a task wrote it as JSON in the form of Airflow's logs. */
export interface LogLine {
  readonly at: string | null;
  readonly level: string | null;
  readonly text: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours for terminals are control characters
const TERMINAL_CODES = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

/** Split text into lines. An empty last one, after the last line break, is none. */
export function linesOf(text: string): LogLine[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") {
    lines.pop();
  }
  return lines.map(lineOf);
}

function lineOf(raw: string): LogLine {
  const text = raw.replace(TERMINAL_CODES, "").replace(/\r$/, "");
  return (text.startsWith("{") && structured(text)) || { at: null, level: null, text };
}

function structured(text: string): LogLine | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null || !("event" in parsed) || typeof parsed.event !== "string") {
    return null;
  }
  const {
    timestamp,
    level,
    event,
    error_detail: errors,
    logger: _,
    filename: __,
    lineno: ___,
    ...rest
  } = parsed as Fields;
  const more = Object.entries(rest).map(([name, value]) => `${name}=${plain(value)}`);
  return {
    at: typeof timestamp === "string" ? timestamp : null,
    level: typeof level === "string" ? level : null,
    text: [[plain(event), ...more].join(" "), ...tracebacksOf(errors)].join("\n"),
  };
}

interface Fields {
  readonly [name: string]: unknown;
}

interface Raised {
  readonly exc_type?: string;
  readonly exc_value?: string;
  readonly frames?: readonly { readonly filename?: string; readonly lineno?: number; readonly name?: string }[];
}

/** Write exceptions as Python does. */
function tracebacksOf(errors: unknown): string[] {
  if (!Array.isArray(errors)) {
    return [];
  }
  return (errors as Raised[]).flatMap(({ exc_type, exc_value, frames }) => [
    ...(frames ?? []).map(({ filename, lineno, name }) => `  File "${filename}", line ${lineno} in ${name}`),
    `${exc_type}: ${exc_value}`,
  ]);
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
