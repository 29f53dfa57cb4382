/** The nonce rule, max(exchange ms, last + 1), on the row that every process of this data folder shares. */
import type { EpochMs } from "../../domain/Time.ts"
import type { Sql } from "./Sql.ts"
import { big } from "./Sql.ts"

/** The largest value that a nonce row can hold and still be raised: SQLite integers are signed 64 bits wide. */
export const LARGEST_NONCE = 2n ** 63n - 2n ** 20n

export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** The nonce that follows `last` at exchange time `now`; never below `last`, whatever the clock does. */
export const following = (now: EpochMs, last: bigint): bigint => larger(BigInt(Math.floor(now)), last + 1n)

export const readNonce = (sql: Sql): bigint => big(sql.one("SELECT last FROM nonce"), "last")

/** Takes the next nonce: one atomic update-and-return. `memory` is the highest that this process knows of. */
export const takeNonce = (sql: Sql, now: EpochMs, memory: bigint): bigint =>
  big(sql.one("UPDATE nonce SET last = max(last + 1, ?) RETURNING last", following(now, memory)), "last")

/** Raises the row to at least `floor`. */
export const raiseNonce = (sql: Sql, floor: bigint): void => {
  sql.run("UPDATE nonce SET last = max(last, ?)", floor)
}
