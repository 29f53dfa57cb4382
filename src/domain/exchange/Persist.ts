/**
 * Keeping an exchange over a restart. A store holds one row per order, fill and ledger entry and one `head`; after each
 * call it writes the rows that changed (`rowsSince`), which costs what the call did, not what the account has seen. Market
 * data, sessions, modes and switches start anew.
 */
import { Data, Either, HashMap, Schema } from "effect"
import type { EpochMs } from "../Time.ts"
import type { ExchangeConfig } from "./Config.ts"
import { findOrder, orderOf } from "./Draft.ts"
import { initial } from "./Initial.ts"
import * as Log from "./Log.ts"
import { FillRecord, HeadRecord, LedgerRecord, OrderRecord } from "./Persisted.ts"
import type { ExchangeState, Fill, LedgerEntry, Order } from "./State.ts"

/** Replaces what a store has under the same kind and id. */
export interface Row {
  readonly kind: "head" | "order" | "fill" | "ledger"
  readonly id: string
  /** Place in its list (ended orders by the order of ending, fills, ledger entries); -1 for open orders and the head. */
  readonly position: number
  /** JSON. */
  readonly text: string
}

/** A store's rows do not make an account. The text never carries what the rows hold. */
export class CorruptExchange extends Data.TaggedError("CorruptExchange")<{ readonly why: string }> {}

const OrderJson = Schema.parseJson(OrderRecord)
const FillJson = Schema.parseJson(FillRecord)
const LedgerJson = Schema.parseJson(LedgerRecord)
const HeadJson = Schema.parseJson(HeadRecord)

const writeOrder = Schema.encodeSync(OrderJson)
const writeFill = Schema.encodeSync(FillJson)
const writeLedger = Schema.encodeSync(LedgerJson)
const writeHead = Schema.encodeSync(HeadJson)

const headOf = (state: ExchangeState): typeof HeadRecord.Type => ({
  now: state.now,
  serial: state.serial,
  startingBalances: [...state.startingBalances],
  balances: [...state.account.balances],
  open: state.account.open,
  keys: [...state.keys.values()].map(({ apiKey, nonce, recent, calls, usedAt }) => ({
    apiKey,
    nonce,
    recent,
    calls,
    usedAt
  })),
  lockout: state.lockout,
  tokens: state.tokens,
  engine: [...state.engine],
  tradeIds: [...state.markets.values()].map((market) => [market.rules.symbol, market.tradeId] as const),
  switchAt: state.switchAt,
  volume: state.volume
})

/** What a store must write to get from one state to a later one of the same lineage; all of it without the earlier one. */
export const rowsSince = (before: ExchangeState | undefined, after: ExchangeState): ReadonlyArray<Row> => {
  const { account } = after
  const old = before?.account
  const rows: Array<Row> = [{ kind: "head", id: "head", position: -1, text: writeHead(headOf(after)) }]
  if (old === account) return rows
  const ended = new Map<string, number>()
  const known = old?.closed.length ?? 0
  Log.from(account.closed, known).forEach((txid, index) => ended.set(txid, known + index))
  const changed =
    old === undefined ? HashMap.keys(account.orders) : new Set(Log.from(account.changed, old.changed.length))
  for (const txid of changed) {
    rows.push({ kind: "order", id: txid, position: ended.get(txid) ?? -1, text: writeOrder(orderOf(after, txid)) })
  }
  const fills = old?.fills.length ?? 0
  Log.from(account.fills, fills).forEach((fill, index) => {
    rows.push({ kind: "fill", id: fill.id, position: fills + index, text: writeFill(fill) })
  })
  const ledgers = old?.ledgers.length ?? 0
  Log.from(account.ledgers, ledgers).forEach((entry, index) => {
    rows.push({ kind: "ledger", id: entry.id, position: ledgers + index, text: writeLedger(entry) })
  })
  return rows
}

const readOrder = Schema.decodeUnknownEither(OrderJson)
const readFill = Schema.decodeUnknownEither(FillJson)
const readLedger = Schema.decodeUnknownEither(LedgerJson)
const readHead = Schema.decodeUnknownEither(HeadJson)

const corrupt = (why: string) => (): CorruptExchange => new CorruptExchange({ why })

/** Rows of one kind in their order, decoded. */
const readAll = <A>(
  rows: ReadonlyArray<Row>,
  kind: Row["kind"],
  read: (text: string) => Either.Either<A, unknown>
): Either.Either<ReadonlyArray<A>, CorruptExchange> =>
  Either.mapLeft(
    Either.all(
      rows
        .filter((row) => row.kind === kind)
        .toSorted((a, b) => a.position - b.position)
        .map((row) => read(row.text))
    ),
    corrupt(`a ${kind} row cannot be read`)
  )

/** Σ of the ledger over the starting balances must be the balances. */
const adds = (head: typeof HeadRecord.Type, ledgers: ReadonlyArray<LedgerEntry>): boolean => {
  const sums = new Map(head.startingBalances)
  for (const entry of ledgers) {
    sums.set(entry.wallet, (sums.get(entry.wallet) ?? 0n) + entry.amount - entry.fee)
  }
  return sums.size === head.balances.length && head.balances.every(([wallet, balance]) => sums.get(wallet) === balance)
}

interface Parts {
  readonly head: typeof HeadRecord.Type
  readonly orders: ReadonlyArray<Order>
  readonly fills: ReadonlyArray<Fill>
  readonly ledgers: ReadonlyArray<LedgerEntry>
}

const assemble = (config: ExchangeConfig, parts: Parts, now: EpochMs): ExchangeState => {
  const { head, orders, fills, ledgers } = parts
  const base = initial(config, Math.max(now, head.now))
  const kept = new Map(head.keys.map((key) => [key.apiKey, key]))
  const tradeIds = new Map(head.tradeIds)
  return {
    ...base,
    serial: head.serial,
    startingBalances: new Map(head.startingBalances),
    keys: new Map([...base.keys].map(([apiKey, key]) => [apiKey, { ...key, ...kept.get(apiKey) }])),
    lockout: head.lockout,
    tokens: head.tokens,
    markets: new Map(
      [...base.markets].map(([symbol, market]) => [
        symbol,
        { ...market, tradeId: tradeIds.get(symbol) ?? market.tradeId }
      ])
    ),
    account: {
      balances: new Map(head.balances),
      orders: HashMap.fromIterable(orders.map((order) => [order.txid, order] as const)),
      open: head.open,
      closed: Log.fromArray(orders.filter((order) => order.closedAt > 0).map((order) => order.txid)),
      fills: Log.fromArray(fills),
      ledgers: Log.fromArray(ledgers),
      changed: Log.empty()
    },
    volume: head.volume,
    engine: new Map(head.engine),
    switchAt: head.switchAt
  }
}

/** Builds the state that rows describe, on a configuration that still has their pairs. */
export const restore = (
  config: ExchangeConfig,
  rows: ReadonlyArray<Row>,
  now: EpochMs
): Either.Either<ExchangeState, CorruptExchange> =>
  Either.gen(function* () {
    const heads = yield* readAll(rows, "head", readHead)
    const head = heads[0]
    if (head === undefined) return yield* Either.left(corrupt("there is no head row")())
    const orders = yield* readAll(rows, "order", readOrder)
    const fills = yield* readAll(rows, "fill", readFill)
    const ledgers = yield* readAll(rows, "ledger", readLedger)
    const state = assemble(config, { head, orders, fills, ledgers }, now)
    if (!orders.every((order) => state.markets.has(order.symbol))) {
      return yield* Either.left(corrupt("an order is of a pair that the exchange no longer has")())
    }
    if (!fills.every((fill) => findOrder(state, fill.txid)?.symbol === fill.symbol)) {
      return yield* Either.left(corrupt("a fill names an order that is missing, or of another pair")())
    }
    if (!head.open.every((txid) => findOrder(state, txid)?.status === "open")) {
      return yield* Either.left(corrupt("an order that should rest is missing, or has ended")())
    }
    if (!adds(head, ledgers)) return yield* Either.left(corrupt("the balances are not the sum of the ledger")())
    return state
  })

const Rows = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      kind: Schema.Literal("head", "order", "fill", "ledger"),
      id: Schema.String,
      position: Schema.Int,
      text: Schema.String
    })
  )
)
const writeRows = Schema.encodeSync(Rows)
const readRows = Schema.decodeUnknownEither(Rows)

/** The whole of what persists, as one text. */
export const encode = (state: ExchangeState): string => writeRows(rowsSince(undefined, state))

/** Reads what `encode` wrote. */
export const decode = (
  config: ExchangeConfig,
  text: string,
  now: EpochMs
): Either.Either<ExchangeState, CorruptExchange> =>
  Either.flatMap(Either.mapLeft(readRows(text), corrupt("the text is not an exchange's")), (rows) =>
    restore(config, rows, now)
  )
