import type { TokenView } from "../api/types";
import { inWords, secondsBetween } from "../parts/spans";

/** Below this it is time to rotate it. */
const SOON_DAYS = 14;

export interface Expiry {
  words: string;
  palette: string;
  /** Whether it lets anybody in. */
  works: boolean;
}

/** Say until when a token works, or that it does not any more. `now`: the server's time. */
export function expiryOf(token: Pick<TokenView, "revoked_at" | "expires_at">, now: number): Expiry {
  if (token.revoked_at !== null) {
    return { words: "revoked", palette: "gray", works: false };
  }
  if (token.expires_at === null) {
    return { words: "never expires", palette: "info", works: true };
  }
  const left = secondsBetween(now, token.expires_at);
  if (left <= 0) {
    return { words: "expired", palette: "failed", works: false };
  }
  const days = Math.floor(left / 86_400);
  const words = days > 1 ? `${days} days left` : `${inWords(left)} left`;
  return { words, palette: days < SOON_DAYS ? "warning" : "success", works: true };
}
