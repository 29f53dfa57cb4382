/** Executions as a table for spreadsheets and tax programs, in the form of RFC 4180. Columns are documented in docs/trades-csv.md. */
import type { StatementRow } from "../../domain/portfolio/Statement.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { iso } from "../../domain/Time.ts"

type Cell = string | undefined

const COLUMNS: ReadonlyArray<readonly [name: string, cell: (row: StatementRow) => Cell]> = [
  ["time_utc", ({ fill }) => iso(fill.at)],
  ["type", ({ fill }) => fill.side],
  ["pair", ({ fill }) => fill.symbol],
  ["asset", ({ fill }) => fill.symbol.split("/")[0]],
  ["quantity", ({ quantity }) => Fixed.show(quantity)],
  ["price_usd", ({ fill }) => Fixed.show(fill.price)],
  ["amount_usd", ({ amount }) => Fixed.show(amount)],
  ["fee", ({ fee }) => Fixed.show(fee)],
  ["fee_currency", ({ fill }) => fill.feeAsset],
  ["fee_usd", ({ feeUsd }) => Fixed.show(feeUsd)],
  ["acquired_utc", ({ acquiredAt }) => (acquiredAt === undefined ? undefined : iso(acquiredAt))],
  ["disposed_utc", ({ fill }) => (fill.side === "sell" ? iso(fill.at) : undefined)],
  ["cost_basis_usd", ({ costBasis }) => shown(costBasis)],
  ["proceeds_usd", ({ fill, amount, feeUsd }) => (fill.side === "sell" ? Fixed.show(amount - feeUsd) : undefined)],
  ["gain_usd", ({ gain }) => shown(gain)],
  ["liquidity", ({ fill }) => fill.liquidity],
  ["lot", ({ lot }) => lot?.id],
  ["lot_held", ({ lot }) => (lot === undefined ? undefined : Fixed.show(lot.remaining))],
  ["order_id", ({ order }) => order.id],
  ["exchange_order_id", ({ fill }) => fill.exchangeId],
  ["execution_id", ({ fill }) => fill.executionId]
]

const shown = (value: bigint | undefined): Cell => (value === undefined ? undefined : Fixed.show(value))

/** A field that holds a comma, a quote or a line end stands in quotes, with quotes doubled. */
const field = (cell: Cell): string =>
  cell === undefined ? "" : /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell

const line = (cells: ReadonlyArray<Cell>): string => `${cells.map(field).join(",")}\r\n`

/** Header and one record a row; every line, the last too, ends with CR LF. */
export const csv = (rows: ReadonlyArray<StatementRow>): string =>
  line(COLUMNS.map(([name]) => name)) + rows.map((row) => line(COLUMNS.map(([, cell]) => cell(row)))).join("")
