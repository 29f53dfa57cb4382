/** Judges of a scenario. They look at the exchange's account and at the records on disk, never into the trader. */
import { Effect } from "effect"
import { assert } from "vitest"
import type { Fill, Order } from "../../src/domain/exchange/State.ts"
import type { View } from "../../src/domain/exchange/View.ts"
import * as Fixed from "../../src/domain/money/Fixed.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { own } from "./World.ts"
import type { World } from "./World.ts"

/** Orders that the trader sent, whatever became of them; test orders carry no client id. */
export const sentOrders = (view: View): number =>
  view.requests.filter((r) => r.endpoint === "AddOrder" && r.clOrdId !== undefined).length

const ownOrders = (view: View): ReadonlyArray<Order> => [...own(view, "buy"), ...own(view, "sell")]

/** Executions of the trader's orders. */
export const ownFills = (view: View): ReadonlyArray<Fill> => {
  const ids = new Set(ownOrders(view).map((order) => order.txid))
  return view.fills.filter((fill) => ids.has(fill.txid))
}

const sum = <A>(all: ReadonlyArray<A>, of: (one: A) => bigint): bigint =>
  all.reduce((total, one) => total + of(one), 0n)

/** What the trader's fills moved of a wallet, by the exchange's ledger. */
export const movedByOwn = (view: View, wallet: string): bigint => {
  const ids = new Set(ownFills(view).flatMap((fill) => fill.ledgers))
  return sum(
    view.ledgers.filter((entry) => entry.wallet === wallet && ids.has(entry.id)),
    (entry) => entry.amount - entry.fee
  )
}

/** I9, I10: quantities by open lots, dollars by ledger amounts, every own execution booked once and no other. */
export const assertBooks = (world: World): Effect.Effect<void> =>
  Effect.gen(function* () {
    const view = yield* world.view
    const held = sum(world.rows("SELECT remaining FROM lots"), (row) => Money.quantity(String(row.remaining)))
    assert.strictEqual(Fixed.show(held), Fixed.show(movedByOwn(view, "XLM")), "XLM held")
    const totals = world.rows("SELECT * FROM totals").at(-1)
    assert.strictEqual(
      Fixed.show(Money.usd(String(totals?.own_usd ?? "0"))),
      Fixed.show(movedByOwn(view, "USD")),
      "dollars moved"
    )
    const fills = world.rows("SELECT execution_id FROM fills").map((row) => String(row.execution_id))
    assert.deepEqual(
      fills.toSorted(),
      ownFills(view)
        .map((fill) => fill.id)
        .toSorted(),
      "executions booked once each"
    )
  })

/** Whether own parts and the owner's make up the account, by the records. */
export const accountExplained = (world: World, asset: "USD" | "XLM"): Effect.Effect<boolean> =>
  Effect.map(world.view, (view) => {
    const foreign = world.rows(`SELECT amount FROM foreign_holdings WHERE asset='${asset}'`)[0]?.amount
    return (
      foreign !== undefined && Money.usd(String(foreign)) + movedByOwn(view, asset) === (view.balances.get(asset) ?? 0n)
    )
  })

interface Moment {
  readonly at: number
  /** Cost of what is held plus the limit cost of what may still be bought. */
  readonly exposure: bigint
  /** Bought and not sold. */
  readonly held: bigint
  /** What open sales may still sell. */
  readonly selling: bigint
}

const total = (fills: ReadonlyArray<Fill>): bigint => sum(fills, (fill) => fill.quantity)

/** One pair's position after an instant, by everything that had happened at the exchange. */
const momentOf = (at: number, orders: ReadonlyArray<Order>, fills: ReadonlyArray<Fill>): Moment => {
  const done = fills.filter((fill) => fill.at <= at)
  const bought = done.filter((fill) => fill.side === "buy")
  const quantity = total(bought)
  const held = quantity - total(done.filter((fill) => fill.side === "sell"))
  const open = orders
    .filter((o) => o.openedAt <= at && (o.closedAt === 0 || o.closedAt > at))
    .map((o) => ({
      side: o.side,
      price: o.price,
      // how large an amended order was before is not kept, so that it is not judged
      left: o.amended ? 0n : o.quantity - total(done.filter((fill) => fill.txid === o.txid))
    }))
  const heldCost = quantity === 0n ? 0n : (sum(bought, (fill) => fill.cost) * held) / quantity
  const working = open.filter((o) => o.side === "buy")
  return {
    at,
    exposure: heldCost + sum(working, (o) => Money.notional(o.price, Money.Quantity(o.left), "up")),
    held,
    selling: sum(
      open.filter((o) => o.side === "sell"),
      (o) => o.left
    )
  }
}

/** The trader's positions, pair by pair, after every instant at which something of them changed at the exchange. */
export const moments = (view: View): ReadonlyArray<ReadonlyArray<Moment>> => {
  const orders = ownOrders(view)
  const fills = ownFills(view)
  const times = new Set([
    ...orders.flatMap((o) => [o.openedAt, ...(o.closedAt > 0 ? [o.closedAt] : [])]),
    ...fills.map((f) => f.at)
  ])
  const symbols = [...new Set(orders.map((o) => o.symbol))]
  return [...times]
    .toSorted((a, b) => a - b)
    .map((at) =>
      symbols.map((symbol) =>
        momentOf(
          at,
          orders.filter((o) => o.symbol === symbol),
          fills.filter((f) => f.symbol === symbol)
        )
      )
    )
}

/** I4: never more at stake than the limit, at any instant; tells the most that ever was. */
export const assertExposure = (view: View, limit: string): bigint => {
  let most = 0n
  for (const pairs of moments(view)) {
    const exposure = sum(pairs, (moment) => moment.exposure)
    if (exposure > most) most = exposure
    assert.isTrue(
      exposure <= Money.usd(limit),
      `$${Fixed.show(exposure)} at stake at ${new Date(pairs[0]?.at ?? 0).toISOString()}`
    )
  }
  return most
}

/** I5: open sales never exceed what is held of the trader's own, at any instant. */
export const assertExits = (view: View): void => {
  for (const moment of moments(view).flat()) {
    assert.isTrue(
      moment.selling <= moment.held,
      `${Fixed.show(moment.selling)} on sale, ${Fixed.show(moment.held)} held at ${new Date(moment.at).toISOString()}`
    )
  }
}

/** Whether a trading request of ours was refused for its rate, or a call of the key. */
export const rateLimited = (view: View): ReadonlyArray<string> =>
  view.requests.filter((r) => /rate limit|too many/i.test(r.result)).map((r) => `${r.endpoint}: ${r.result}`)
