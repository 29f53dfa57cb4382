/** A thin, synchronous reading of the driver: cached statements, checked columns. Throws; `Database` maps what is thrown. */
import type BetterSqlite3 from "better-sqlite3"
import { Either } from "effect"
import * as Fixed from "../../domain/money/Fixed.ts"
import { Damaged } from "./failure.ts"

export type Param = string | number | bigint | null
export type Row = Readonly<Record<string, unknown>>

export interface Sql {
  /** Runs a statement; answers how many rows it changed. */
  readonly run: (text: string, ...params: ReadonlyArray<Param>) => number
  readonly get: (text: string, ...params: ReadonlyArray<Param>) => Row | undefined
  readonly all: (text: string, ...params: ReadonlyArray<Param>) => ReadonlyArray<Row>
  /** The one row that must be there. */
  readonly one: (text: string, ...params: ReadonlyArray<Param>) => Row
}

/** Statements over one connection. Integers are read as `bigint`, so that nonces keep every digit. */
export const make = (raw: BetterSqlite3.Database): Sql => {
  const statements = new Map<string, BetterSqlite3.Statement<Array<Param>, Row>>()
  raw.defaultSafeIntegers(true)
  const prepare = (text: string): BetterSqlite3.Statement<Array<Param>, Row> => {
    const known = statements.get(text)
    if (known !== undefined) return known
    const statement = raw.prepare<Array<Param>, Row>(text)
    statements.set(text, statement)
    return statement
  }
  const get: Sql["get"] = (text, ...params) => prepare(text).get(...params)
  return {
    run: (text, ...params) => prepare(text).run(...params).changes,
    get,
    all: (text, ...params) => prepare(text).all(...params),
    one: (text, ...params) => {
      const row = get(text, ...params)
      if (row === undefined) throw new Damaged({ what: `a row is missing: ${text}` })
      return row
    }
  }
}

const wrong = (column: string): Damaged => new Damaged({ what: `column ${column} does not hold what it should` })

/** A column that must hold text. */
export const text = (row: Row, column: string): string => {
  const value = row[column]
  if (typeof value !== "string") throw wrong(column)
  return value
}

export const optionalText = (row: Row, column: string): string | undefined =>
  row[column] === null ? undefined : text(row, column)

/** A column that must hold an integer. */
export const big = (row: Row, column: string): bigint => {
  const value = row[column]
  if (typeof value !== "bigint") throw wrong(column)
  return value
}

export const int = (row: Row, column: string): number => Number(big(row, column))

/** A column that must hold an exact decimal text. */
export const amount = (row: Row, column: string): bigint =>
  Either.getOrThrowWith(Fixed.parse(text(row, column)), () => wrong(column))
