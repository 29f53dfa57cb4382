/** `orders` and `trades`: what is in the books, newest first. Reads only. */
import { Effect } from "effect"
import { isOpenLot } from "../../domain/portfolio/Lot.ts"
import { statement } from "../../domain/portfolio/Statement.ts"
import type { OrderRow, TradeRow } from "../../services/Records.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { StoreFailed } from "../../services/Store.ts"
import { Terminal } from "../../services/Terminal.ts"
import { UsageError } from "../cli/ExitCode.ts"
import { palette, printable, table } from "../cli/text.ts"
import { csv } from "./csv.ts"

interface ListOptions {
  readonly open: boolean
  readonly json: boolean
}

/** A table for people is cut here, and says so; JSON is never cut. */
const SHOWN = 100
const EVERYTHING = Number.MAX_SAFE_INTEGER

const time = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)}Z`
/** JSON has no `undefined`. */
const orNull = <Row extends object>(row: Row): object =>
  Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === undefined ? null : value]))

const orderCells = (row: OrderRow): ReadonlyArray<string> => [
  time(row.timestamp),
  row.orderId,
  row.exchangeId ?? "-",
  row.pair,
  row.type,
  row.purpose,
  row.price,
  row.volume,
  row.filledVolume,
  row.averagePrice ?? "-",
  row.status,
  printable(row.reason)
]

const tradeCells = (row: TradeRow): ReadonlyArray<string> => [
  time(row.timestamp),
  row.orderId,
  row.txid ?? "-",
  row.pair,
  row.price,
  row.volume,
  row.remaining,
  row.status,
  row.profitLoss ?? "-",
  printable(row.notes)
]

const list = <Row extends object>(
  options: ListOptions,
  name: "orders" | "trades",
  read: (limit: number) => Effect.Effect<ReadonlyArray<Row>, StoreFailed>,
  header: ReadonlyArray<string>,
  cells: (row: Row) => ReadonlyArray<string>
): Effect.Effect<void, StoreFailed, Records | Settings | Terminal> =>
  Effect.gen(function* () {
    const records = yield* Records
    const settings = yield* Settings
    const terminal = yield* Terminal
    const exists = yield* records.exists
    const rows = exists ? yield* read(options.json ? EVERYTHING : SHOWN + 1) : []
    if (options.json) return yield* terminal.print(JSON.stringify({ [name]: rows.map(orNull) }))
    if (rows.length === 0) {
      return yield* terminal.print(
        exists
          ? `No ${options.open ? "open " : ""}${name} in the books of ${settings.dataDir}.`
          : `No trader has ever run on ${settings.dataDir}.`
      )
    }
    const { dim } = palette(terminal.colors)
    yield* terminal.print(table(header, rows.slice(0, SHOWN).map(cells)))
    if (rows.length > SHOWN) {
      yield* terminal.print(dim(`The newest ${SHOWN} are shown; \`${name} --json\` prints them all.`))
    }
  })

export const orders = (options: ListOptions): Effect.Effect<void, StoreFailed, Records | Settings | Terminal> =>
  Effect.flatMap(Records, (records) =>
    list(
      options,
      "orders",
      (limit) => records.orders({ openOnly: options.open, limit }),
      [
        "time",
        "order",
        "exchange's id",
        "pair",
        "side",
        "for",
        ">price",
        ">quantity",
        ">filled",
        ">average",
        "state",
        "why"
      ],
      orderCells
    )
  )

export interface TradesOptions extends ListOptions {
  readonly csv: boolean
}

/** Every execution for spreadsheets and taxes; with `open` those of lots of which something is held. */
const asCsv = ({ open }: TradesOptions): Effect.Effect<void, StoreFailed, Records | Terminal> =>
  Effect.gen(function* () {
    const records = yield* Records
    const terminal = yield* Terminal
    const rows = statement((yield* records.exists) ? yield* records.fills : [])
    yield* terminal.print(csv(open ? rows.filter(({ lot }) => lot !== undefined && isOpenLot(lot)) : rows))
  })

export const trades = (
  options: TradesOptions
): Effect.Effect<void, StoreFailed | UsageError, Records | Settings | Terminal> =>
  Effect.gen(function* () {
    const records = yield* Records
    if (options.csv && options.json) return yield* new UsageError({ text: "--csv and --json exclude each other." })
    if (options.csv) return yield* asCsv(options)
    return yield* list(
      options,
      "trades",
      (limit) => records.trades({ openOnly: options.open, limit }),
      ["bought", "order", "exchange's id", "pair", ">price", ">quantity", ">held", "state", ">result USD", "notes"],
      tradeCells
    )
  })
