/** The one source of nonces of an API key. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface NonceShape {
  /**
   * Strictly greater than every nonce ever handed out for this key by any process on this data folder, durable before it
   * is returned: max(exchange-time ms, last + 1) in one atomic update of the store. If the store cannot be written the
   * nonce comes from memory by the same rule, seeded from the highest value seen and marked beside the store, so that
   * cancels and reads go on (I11).
   */
  readonly next: Effect.Effect<bigint>
  /** After `EAPI:Invalid nonce`: advance past the highest ever issued by anyone. `observed` is the server's mark where known (`GetApiKeyInfo`). */
  readonly advance: (observed?: bigint) => Effect.Effect<void>
  /** The highest nonce issued so far as the store has it, for telling "another program uses the key" from "another process of ours". */
  readonly highest: Effect.Effect<bigint>
}

export class Nonce extends Context.Tag("trader/services/Nonce")<Nonce, NonceShape>() {}
