/** Kraken's request signature, as the exchange checks it. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"

/**
 * Whether `signature` is base64(HMAC-SHA512(base64decode(secret), path + SHA256(nonce + body))), with `path` as
 * `/0/private/AddOrder` and the very bytes of the body. Kraken: "REST authentication". Takes the same time for every wrong signature.
 */
export const signatureFits = (request: {
  readonly secret: string
  readonly path: string
  readonly nonce: string
  readonly body: Uint8Array
  readonly signature: string
}): boolean => {
  const inner = createHash("sha256").update(request.nonce).update(request.body).digest()
  const expected = createHmac("sha512", Buffer.from(request.secret, "base64"))
    .update(request.path)
    .update(inner)
    .digest()
  const given = Buffer.from(request.signature, "base64")
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** Whether two tokens are the same, in a time that does not depend on where they differ. */
export const sameToken = (a: string, b: string): boolean =>
  timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest())
