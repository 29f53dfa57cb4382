/** What a copy of the records lacks against those that are in use. */
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { count } from "../cli/text.ts"

export interface Comparison {
  /** What has happened since the copy was made; empty: nothing. */
  readonly since: ReadonlyArray<string>
  /** What the copy holds that the records in use do not know: it is not a copy of them. */
  readonly foreign: ReadonlyArray<string>
}

const money = (value: bigint): string => `${value < 0n ? "-" : "+"}$${Fixed.show(value < 0n ? -value : value)}`

const ids = (of: ReadonlyArray<{ readonly id: string }>): ReadonlySet<string> => new Set(of.map(({ id }) => id))

export const compare = (copy: Snapshot, now: Snapshot): Comparison => {
  const heldThen = ids(copy.lots)
  const heldNow = ids(now.lots)
  const openThen = ids(copy.orders)
  const openNow = ids(now.orders)
  const only = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlyArray<string> =>
    [...a].filter((id) => !b.has(id))
  const bought = only(heldNow, heldThen)
  const sold = only(heldThen, heldNow)
  const opened = only(openNow, openThen)
  const ended = only(openThen, openNow)
  const closed = now.totals.closedTrades - copy.totals.closedTrades
  const cash = now.totals.ownUsd - copy.totals.ownUsd
  const listed = (what: string, list: ReadonlyArray<string>): ReadonlyArray<string> =>
    list.length === 0 ? [] : [`${count(list.length, what)}: ${list.join(", ")}`]
  return {
    since: [
      ...listed("new lot", bought),
      ...listed("lot sold", sold).map((text) => text.replace(/^(\d+) lot solds/, "$1 lots sold")),
      ...listed("new open order", opened),
      ...listed("order ended", ended).map((text) => text.replace(/^(\d+) order endeds/, "$1 orders ended")),
      ...(closed === 0 ? [] : [count(closed, "closed trade")]),
      ...(cash === 0n ? [] : [`the trader's own dollars ${money(cash)}`])
    ],
    foreign: [
      ...(copy.sequence > now.sequence ? ["it has made order ids that the records in use have not come to yet"] : []),
      ...(closed < 0 ? [`it counts ${-closed} more closed trades`] : [])
    ]
  }
}
