// The tokens that let agents register. Shown only to who may change them.

export function TokensTab() {
  return <>Tokens</>;
}
