/** What an API key must and must not be able to do. */
import type { ApiKeyInfo } from "../../services/KrakenRest.ts"

/** Kraken's own names of what a trader needs. */
export const neededPermissions: ReadonlyArray<string> = [
  "query-funds",
  "query-open-trades",
  "query-closed-trades",
  "modify-trades",
  "close-trades",
  "query-ledger",
  "create-ws-token"
]

/** What only a trader that sends needs. One that observes is safer without them. */
const sending: ReadonlySet<string> = new Set(["modify-trades", "close-trades"])

/** Permissions that no trading key may have. */
const forbidden = (permission: string): boolean => permission.startsWith("withdraw")

/** Problems that refuse a key, and warnings that do not. */
export const judgeKey = (
  info: ApiKeyInfo,
  now: number,
  observing = false
): { readonly problems: ReadonlyArray<string>; readonly warnings: ReadonlyArray<string> } => {
  const problems: Array<string> = []
  const warnings: Array<string> = []
  const needed = observing ? neededPermissions.filter((one) => !sending.has(one)) : neededPermissions
  const missing = needed.filter((permission) => !info.permissions.includes(permission))
  if (missing.length > 0) problems.push(`it lacks ${missing.join(", ")}`)
  const tooMuch = info.permissions.filter(forbidden)
  if (tooMuch.length > 0) problems.push(`it may withdraw funds (${tooMuch.join(", ")}); a trading key must not`)
  if (info.validUntil !== undefined && info.validUntil <= now) problems.push("it has expired")
  else if (info.validUntil !== undefined && info.validUntil - now < 7 * 86_400_000) {
    warnings.push(`it expires in ${Math.ceil((info.validUntil - now) / 86_400_000)} days`)
  }
  if (info.ipAllowlist.length === 0) warnings.push("it is not restricted to this machine's address")
  if (info.nonceWindow > 0n) warnings.push(`it has a nonce window of ${info.nonceWindow}; this trader needs none`)
  return { problems, warnings }
}
