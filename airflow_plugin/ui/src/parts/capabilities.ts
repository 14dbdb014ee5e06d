/** `{os: "linux", gpu: true}` as `gpu`, `os=linux`: a fact that is so needs no value. */
export function capabilityTags(capabilities: Record<string, unknown>): string[] {
  return Object.entries(capabilities)
    .map(([name, value]) => (value === true ? name : `${name}=${inText(value)}`))
    .sort();
}

/** The same; those that somebody gave a host come before those that every host finds out about itself. Nearly every
 * agent takes every kind of job: that is left to its own page. */
export function givenFirst(capabilities: Record<string, unknown>): string[] {
  const tags = capabilityTags(capabilities).filter((tag) => !/^(kind|agent)\./.test(tag));
  return [...tags.filter((tag) => !FOUND.test(tag)), ...tags.filter((tag) => FOUND.test(tag))];
}

const FOUND = /^(airflow|arch|cpus|hostname|memory_gb|os|python|runner\.\w+|tmux)(=|$)/;

function inText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
