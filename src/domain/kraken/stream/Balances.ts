/** Rows of Kraken's `balances` channel: what each wallet holds, then one row a ledger entry. Holds are not shown there. */
import { Either } from "effect"
import type { EpochMs } from "../../Time.ts"
import type { JsonObject, JsonValue } from "../JsonText.ts"
import { Fields, isObject, listOf } from "./Fields.ts"

/** One ledger movement, or what a wallet holds. Amounts at scale 10^-12, in the asset's own units. */
export interface BalanceRow {
  /** Stream asset name: `USD`, `XLM`. */
  readonly asset: string
  readonly balance: bigint
  /** `spot` is the tradable one; others are `earn/flex` and the like, or `total` where no wallet was listed. */
  readonly wallet: string
  readonly ledgerId?: string
  readonly refId?: string
  readonly type?: string
  readonly amount?: bigint
  readonly fee?: bigint
  readonly at?: EpochMs
}

type Read = Either.Either<ReadonlyArray<BalanceRow>, string>

const walletName = (type: string, id: string | undefined): string =>
  type === "spot" && (id === undefined || id === "main") ? "spot" : `${type}/${id ?? "main"}`

const wallet = (asset: string, row: JsonValue): Either.Either<BalanceRow, string> => {
  if (!isObject(row)) return Either.left("wallets")
  const fields = new Fields(row)
  const name = walletName(fields.need("wallet type", fields.text("type"), ""), fields.text("id"))
  const balance = fields.need("wallet balance", fields.amount("balance"), 0n)
  return fields.problem === undefined ? Either.right({ asset, balance, wallet: name }) : Either.left(fields.problem)
}

const readHolding = (row: JsonObject): Read => {
  const fields = new Fields(row)
  const asset = fields.need("asset", fields.text("asset"), "")
  const total = fields.need("balance", fields.amount("balance"), 0n)
  if (fields.problem !== undefined) return Either.left(fields.problem)
  const listed = fields.raw("wallets")
  const wallets = listed === undefined ? [] : listOf(listed)
  // What cannot be read may say that part of the total is not for trading.
  if (wallets === undefined) return Either.left("wallets")
  return wallets.length === 0
    ? Either.right([{ asset, balance: total, wallet: "total" }])
    : Either.all(wallets.map((entry) => wallet(asset, entry)))
}

const readMovement = (row: JsonObject): Read => {
  const fields = new Fields(row)
  const asset = fields.need("asset", fields.text("asset"), "")
  const balance = fields.need("balance", fields.amount("balance"), 0n)
  const type = fields.need("wallet_type", fields.text("wallet_type"), "")
  const name = walletName(type, fields.text("wallet_id"))
  const ledgerId = fields.text("ledger_id")
  const refId = fields.text("ref_id")
  const kind = fields.text("type")
  const amount = fields.amount("amount")
  const fee = fields.amount("fee")
  const at = fields.time("timestamp")
  if (fields.problem !== undefined) return Either.left(fields.problem)
  return Either.right([
    {
      asset,
      balance,
      wallet: name,
      ...(ledgerId === undefined ? {} : { ledgerId }),
      ...(refId === undefined ? {} : { refId }),
      ...(kind === undefined ? {} : { type: kind }),
      ...(amount === undefined ? {} : { amount }),
      ...(fee === undefined ? {} : { fee }),
      ...(at === undefined ? {} : { at })
    }
  ])
}

/** Reads one row of a snapshot (a row for every wallet of the asset) or of an update. Fails with the field's name. */
export const readBalances = (row: JsonValue, type: "snapshot" | "update"): Read =>
  !isObject(row) ? Either.left("row") : type === "snapshot" ? readHolding(row) : readMovement(row)
