/** Kraken: API-Sign is HMAC-SHA512 over the path and SHA256 of nonce and body, keyed with the decoded secret. */
import { createHash, createHmac } from "node:crypto"

export const sign = (secret: Buffer, path: string, nonce: string, body: string): string =>
  createHmac("sha512", secret)
    .update(path)
    .update(
      createHash("sha256")
        .update(nonce + body)
        .digest()
    )
    .digest("base64")
