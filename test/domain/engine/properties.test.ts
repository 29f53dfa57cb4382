import { Either, FastCheck as fc, Option } from "effect"
import { assert, describe, it } from "vitest"
import { entryStops, exposure } from "../../../src/domain/engine/Views.ts"
import * as Fixed from "../../../src/domain/money/Fixed.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { isTerminal } from "../../../src/domain/order/Order.ts"
import type { OrderReport } from "../../../src/domain/order/Report.ts"
import type { SendOutcome } from "../../../src/domain/order/Outcome.ts"
import { claimed } from "../../../src/domain/portfolio/Portfolio.ts"
import { usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const LIMIT = usd("25")

/** A rig, and an exchange that is only as careful as Kraken: it reports late, twice, out of order, and says no at random. */
class World {
  readonly rig = new Rig({ limits: { maxTotalExposure: LIMIT, minTradeInterval: 0, cooldownAfterLoss: 0 } }).ready()
  readonly past: Array<OrderReport> = []
  private price = 1000
  private buys = 0n
  private sales = 0n

  /** One of the live orders that satisfy a condition, chosen by a number. */
  private one(n: number, which: (order: Order) => boolean): Order | undefined {
    const found = [...this.rig.state.orders.values()].filter((o) => !isTerminal(o.status) && which(o))
    return found[n % Math.max(found.length, 1)]
  }

  private report(...reports: ReadonlyArray<OrderReport>): void {
    this.past.push(...reports)
    this.rig.send({ _tag: "ReportsSeen", reports })
  }

  private named(order: Order): Order {
    return { ...order, exchangeId: order.exchangeId ?? ExchangeOrderId(`O${order.id}`) }
  }

  private quote(): void {
    this.rig.quote((this.price / 10_000).toFixed(6), ((this.price + 1) / 10_000).toFixed(6))
  }

  step(kind: number, n: number): void {
    const { rig } = this
    switch (kind) {
      case 0:
      case 1: {
        this.price = Math.max(900, Math.min(1100, this.price + (n % 7) - 3))
        rig.after(1100)
        return this.quote()
      }
      case 2:
      case 3: {
        const limit = this.price / 10_000
        rig.signals = [
          {
            _tag: "Enter",
            limit,
            exit: { target: limit * 1.01, stop: limit * 0.99, holdFor: 60_000 * (1 + (n % 30)) },
            reason: "test",
            features: {}
          }
        ]
        rig.after(1100)
        return this.quote()
      }
      case 4:
      case 5:
      case 6: {
        const ids = [...rig.state.proposals.keys()]
        const id = ids[n % Math.max(ids.length, 1)]
        if (id === undefined) return
        const proposal = rig.state.proposals.get(id)
        const stops = [...rig.state.pairs.values()].flatMap((pair) => entryStops(rig.state, pair))
        rig.send({ _tag: "ApprovalAsked", proposalId: id })
        const verdict = rig.of("Verdict")[0]?.verdict
        if (verdict !== undefined && Either.isRight(verdict) && proposal?.side === "buy") {
          assert.deepEqual(stops, [], "I7: an entry was approved behind a closed gate")
          assert.isTrue(exposure(rig.state) <= LIMIT, "I4: exposure beyond the limit after an approval")
        }
        return
      }
      case 7:
      case 8: {
        const order = this.one(n, (o) => o.status === "pending")
        if (order === undefined) return
        const exchangeId = this.named(order).exchangeId ?? ExchangeOrderId("O")
        const outcomes: ReadonlyArray<SendOutcome> = [
          { _tag: "Accepted", exchangeId },
          { _tag: "Accepted", exchangeId },
          { _tag: "Unknown", text: "time-out", recognised: true },
          { _tag: "Rejected", why: n % 2 === 0 ? "postOnly" : "minimum", text: "no" },
          { _tag: "NotSent", why: "void", text: "too old" }
        ]
        const outcome = outcomes[n % outcomes.length]
        if (outcome !== undefined) rig.send({ _tag: "OutcomeSeen", orderId: order.id, outcome })
        return
      }
      case 9:
      case 10:
      case 11: {
        const order = this.one(n, () => true)
        if (order === undefined) return
        const left = order.quantity - order.cumQuantity
        const part = n % 3 === 0 ? left : Fixed.toDecimals((left * BigInt(1 + (n % 9))) / 10n, 8, "down")
        if (part <= 0n) return
        const named = this.named(order)
        const fill = rig.fillOf(named, Fixed.show(part))
        if (order.side === "buy") this.buys += part
        else this.sales += part
        const cum = Fixed.max(order.cumQuantity, order.bookedQuantity + part) as Order["cumQuantity"]
        const status = rig.statusOf(named, { status: cum === order.quantity ? "filled" : "open", cumQuantity: cum })
        if (n % 2 === 0) this.report(fill, status)
        else this.report(status, fill)
        return
      }
      case 12: {
        const late = this.past[n % Math.max(this.past.length, 1)]
        if (late !== undefined) rig.send({ _tag: "ReportsSeen", reports: [{ ...late, source: "rest" }] })
        return
      }
      case 13: {
        const order = this.one(n, (o) => o.exchangeId !== undefined)
        if (order === undefined) return
        const ended = n % 2 === 0 ? "cancelled" : "expired"
        return this.report(rig.statusOf(order, { status: ended, cumQuantity: order.cumQuantity }))
      }
      case 14: {
        const order = this.one(n, (o) => o.status === "unknown" && o.cumQuantity === 0n && o.exchangeId === undefined)
        if (order !== undefined) rig.send({ _tag: "NeverArrived", orderId: order.id, proof: "two reads" })
        return
      }
      case 15: {
        const wanted = rig.ever("Amend").at(-1 - (n % 2))
        if (wanted === undefined || !rig.state.amending.has(wanted.order.id)) return
        const { order, quantity, limitPrice } = wanted
        rig.send({ _tag: "AmendAsked", orderId: order.id, quantity, limitPrice })
        return
      }
      case 16: {
        const order = this.one(n, (o) => o.amend?.state === "inFlight")
        if (order === undefined) return
        const outcomes: ReadonlyArray<SendOutcome> = [
          { _tag: "Accepted" },
          { _tag: "Accepted" },
          { _tag: "Unknown", text: "time-out", recognised: true },
          { _tag: "Rejected", why: "postOnly", text: "no" },
          { _tag: "NotSent", why: "void", text: "too old" }
        ]
        const outcome = outcomes[n % outcomes.length]
        if (outcome !== undefined) rig.send({ _tag: "AmendOutcome", orderId: order.id, outcome })
        return
      }
      case 17: {
        const order = this.one(n, (o) => o.amend?.state === "unknown")
        if (order === undefined) return
        rig.after(11_000)
        const { quantity, limitPrice } = n % 2 === 0 ? order : (order.amend ?? order)
        return this.report(
          rig.statusOf(this.named(order), { source: "rest", quantity, limitPrice, cumQuantity: order.cumQuantity })
        )
      }
      case 18: {
        rig.tick(1 + (n % 4))
        return
      }
      case 19:
        return this.gate(n % 12)
      default: {
        const total = new Map<string, bigint>([
          ["USD", usd("98.82") + rig.state.totals.ownUsd],
          ["XLM", this.buys - this.sales]
        ])
        rig.send({ _tag: "BalancesSeen", begunAt: rig.now, total, hold: new Map() })
      }
    }
  }

  /** Closes a gate, or opens them. */
  private gate(n: number): void {
    const { rig } = this
    const fence = { epoch: 1, paused: n === 0, operatorLatch: Option.none<string>() }
    switch (n) {
      case 0:
        return void rig.send({ _tag: "FenceSeen", fence })
      case 1:
        return void rig.send({ _tag: "PublicDown", reason: "closed" })
      case 2:
        return void rig.send({ _tag: "PrivateDown", reason: "closed" })
      case 3:
        return void rig.send({ _tag: "Tripped", cause: "operator", reason: "by hand" })
      case 4:
        return void rig.send({ _tag: "StoreBroken", reason: "full" })
      case 5:
        return void rig.send({ _tag: "SwitchLost", reason: "time-out" })
      case 6:
        return void rig.send({ _tag: "Frozen", gapMs: 6000 })
      default: {
        rig.send({ _tag: "FenceSeen", fence })
        rig.send({ _tag: "StoreRecovered" }).send({ _tag: "Reset", cause: undefined, reason: "looked" })
        rig.state = { ...rig.state, publicUp: true, privateUp: true, reconciling: new Set() }
        rig.state = {
          ...rig.state,
          pairs: new Map([...rig.state.pairs].map(([symbol, pair]) => [symbol, { ...pair, warm: true }]))
        }
        return void rig.send({ _tag: "SwitchArmed", firesAt: rig.now + 600_000 })
      }
    }
  }

  check(): void {
    const { state } = this.rig
    assert.isUndefined(state.breaker.latches.invariant?.reason)
    for (const lot of state.lots.values()) {
      assert.isTrue(lot.remaining >= 0n && lot.remaining <= lot.quantity, "I9: a lot out of its bounds")
      assert.isTrue(claimed(lot.id, state.orders.values()) <= lot.remaining, "I5: exits claim more than is held")
    }
    const stops = [...state.pairs.values()].flatMap((pair) => entryStops(state, pair))
    if (stops.length > 0) {
      const buys = this.rig.of("Propose").filter((d) => d.proposal.side === "buy")
      assert.deepEqual(buys, [], `I7: an entry was proposed behind a closed gate: ${stops.join()}`)
      const open = [...state.orders.values()].filter(
        (o) => o.side === "buy" && o.status === "open" && o.cancelRequestedAt === undefined
      )
      assert.deepEqual(open, [], "I7: a resting entry was not taken back")
    }
    const booked = this.rig.written.flatMap((w) => (w._tag === "Fill" ? [w.booked.fill] : []))
    const ids = booked.map((fill) => fill.executionId)
    assert.strictEqual(new Set(ids).size, ids.length, "I9: an execution was booked twice")
    const held = [...state.lots.values()].reduce((sum, lot) => sum + lot.remaining, 0n)
    assert.strictEqual(held, this.buys - this.sales, "I10: lots and executions differ")
  }

  get sold(): boolean {
    return this.sales > 0n
  }
}

describe("whatever happens in whatever order", () => {
  it("I4, I5, I7, I9, I10 hold after every event", () => {
    let sold = 0
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 1000 })), { minLength: 80, maxLength: 250, size: "max" }),
        (steps) => {
          const world = new World()
          for (const [kind, n] of steps) {
            world.step(kind, n)
            world.check()
          }
          if (world.sold) sold += 1
        }
      ),
      { numRuns: 150, seed: 20_240_310 }
    )
    // the sequences do reach whole round trips
    assert.isAbove(sold, 20)
  })
})
