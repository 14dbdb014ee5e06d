/** `{os: "linux", gpu: true}` as `gpu`, `os=linux`: a fact that is so needs no value. */
export function capabilityTags(capabilities: Record<string, unknown>): string[] {
  return Object.entries(capabilities)
    .map(([name, value]) => (value === true ? name : `${name}=${inText(value)}`))
    .sort();
}

function inText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
