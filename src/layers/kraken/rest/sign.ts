/** Kraken's signature of a private request. One of the two places where the secret is opened. */
import { createHash, createHmac } from "node:crypto"
import { Redacted } from "effect"

/**
 * `API-Sign`: base64(HMAC-SHA512(key = base64-decoded secret, message = path ++ SHA256(nonce ++ body))). `body` is the very
 * text that is sent, and holds the same nonce. `path` has neither host nor query: `/0/private/AddOrder`.
 */
export const sign = (secret: Redacted.Redacted, path: string, nonce: string, body: string): string => {
  const inner = createHash("sha256")
    .update(nonce + body, "utf8")
    .digest()
  return createHmac("sha512", Buffer.from(Redacted.value(secret), "base64"))
    .update(path, "utf8")
    .update(inner)
    .digest("base64")
}
