/**
 * One trader under one policy: takes signals, asks the program's own risk, sends, settles by the policy, follows what it
 * knows of, and may crash and start again from its records.
 */
import { Effect, Either } from "effect"
import { toSendOutcome } from "../../src/domain/kraken/errors.ts"
import { decodeAddOrder } from "../../src/domain/kraken/rest/Orders.ts"
import { roundQuantity } from "../../src/domain/market/Instrument.ts"
import * as Money from "../../src/domain/money/Money.ts"
import type { ClientOrderId } from "../../src/domain/order/Ids.ts"
import { clientOrderId, nextSequence } from "../../src/domain/order/Ids.ts"
import type { Order } from "../../src/domain/order/Order.ts"
import { isTerminal, missingQuantity } from "../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../src/domain/order/Outcome.ts"
import { commitIntent, pendingOrder } from "../../src/domain/order/Steps.ts"
import * as Portfolio from "../../src/domain/portfolio/Portfolio.ts"
import { assess, DEADLINE_MS } from "../../src/domain/risk/Risk.ts"
import { iso } from "../../src/domain/Time.ts"
import type { Call } from "../../src/layers/kraken/rest/body.ts"
import * as requests from "../../src/layers/kraken/rest/requests.ts"
import { fetchOrder } from "../../src/programs/desk/lookup.ts"
import { Books, isUncertain, noRecords } from "./Books.ts"
import type { Records } from "./Books.ts"
import { limits, makeDesk, prefix } from "./desk.ts"
import { pair, quoteAt } from "./Market.ts"
import type { Hands, Policy } from "./Policy.ts"
import { Life } from "./Timeline.ts"
import type { IntentNumber, World } from "./World.ts"
import { START } from "./World.ts"

const FOLLOW_EVERY_MS = 15_000

/** The request as it leaves: with a deadline counted from now, and our id only where the policy sends one. */
const requestOf = (policy: Policy, base: Call, now: number): Call => ({
  ...base,
  parameters: base.parameters.flatMap(([name, value]) => {
    if (name === "cl_ord_id" && !policy.sendsClientId) return []
    return [[name, name === "deadline" ? iso(now + DEADLINE_MS) : value] as const]
  })
})

export class Trader {
  books: Books = new Books(noRecords, true)
  /** Later signals that risk refused because an outcome was unknown, and those that were sent. */
  waited = 0
  entered = 0
  /** When the outcome of the ambiguous send was last taken for certain. */
  certainAt: number | undefined
  /** The ambiguous send's id, once it has one. */
  first: ClientOrderId | undefined
  private readonly world: World
  private readonly policy: Policy
  private life = new Life()
  private sequence = 0
  /** Requests by order: they are part of the records of whoever saves the order first. */
  private readonly requests = new Map<ClientOrderId, readonly [IntentNumber, Call]>()

  constructor(world: World, policy: Policy) {
    this.world = world
    this.policy = policy
    this.start(noRecords)
    const { crash, signals } = world.draw
    const { timeline } = world
    timeline.at(START, () => this.signal(0))
    signals.forEach((at, i) => timeline.at(START + at, () => this.signal(i + 1)))
    if (crash === undefined || crash.at === "before leaving") return
    timeline.at(START + crash.at, () => this.crash(crash.downFor))
  }

  /** The process is gone where it stands; what it had not saved is lost. */
  private crash(downFor: number): void {
    this.life.alive = false
    const { records } = this.books
    this.world.timeline.at(this.world.now + downFor, () => this.start(records))
  }

  private start(records: Records): void {
    this.life = new Life()
    this.books = new Books(records, this.policy.savesFirst)
    this.look()
    const { timeline } = this.world
    const hands = this.hands()
    for (const order of this.books.orders.values()) {
      if (order.status === "unknown") timeline.fork(this.settling(hands, order))
    }
    timeline.fork(this.follow(hands))
  }

  private hands(): Hands {
    const { books, life, world } = this
    return {
      books,
      desk: makeDesk(world, life, books),
      sleep: (ms) => world.timeline.sleep(life, ms),
      resend: (order) => this.send(life, order)
    }
  }

  /** Sends an order's request; the first time and whenever the policy repeats it. */
  private send(life: Life, order: Order): Effect.Effect<SendOutcome> {
    return Effect.suspend(() => {
      const [intent, base] = this.requests.get(order.id)!
      return Effect.map(this.world.send(life, intent, requestOf(this.policy, base, this.world.now)), (reply) =>
        Either.match(reply, {
          onLeft: toSendOutcome,
          onRight: (result): SendOutcome =>
            Either.match(decodeAddOrder(result), {
              onLeft: ({ detail }) => ({ _tag: "Unknown", text: detail, recognised: true }),
              onRight: (exchangeId) => ({ _tag: "Accepted", exchangeId })
            })
        })
      )
    })
  }

  /** Looks whether the ambiguous send is certain now. */
  private look(): void {
    const order = this.first === undefined ? undefined : this.books.order(this.first)
    if (order === undefined || isUncertain(order)) this.certainAt = undefined
    else this.certainAt ??= this.world.now
  }

  private settling(hands: Hands, order: Order): Effect.Effect<void> {
    return Effect.tap(this.policy.settle(hands, order), () => this.look())
  }

  /** The strategy wants to buy: the program's own risk decides, for every policy by the same limits. */
  private signal(intent: IntentNumber): void {
    const { books, life, policy, world } = this
    if (!life.alive) return
    const { draw, now } = world
    const quote = quoteAt(draw, START, now)
    const takes = draw.market === "taken at once"
    const limitPrice = takes ? quote.ask : quote.bid
    const orders = [...books.orders.values()]
    const id = clientOrderId(prefix, nextSequence(now, this.sequence))
    const verdict = assess(
      {
        proposalId: intent + 1,
        instrument: pair,
        side: "buy",
        purpose: {
          _tag: "Entry",
          plan: {
            target: Money.shiftPrice(limitPrice, Money.rate("0.02"), "up"),
            stop: Money.shiftPrice(limitPrice, Money.rate("-0.02"), "down"),
            holdFor: 3_600_000
          },
          features: {}
        },
        quantity: roundQuantity(pair, Money.quantity(String(draw.quantities[intent]))),
        limitPrice,
        postOnly: !takes,
        timeInForce: "GTD",
        expiresAfter: limits.entryExpiry,
        reason: "drawn",
        proposedAt: now
      },
      {
        now,
        limits: { ...limits, postOnly: !takes },
        gates: [],
        breakerOpen: false,
        system: "online",
        quote,
        quoteConfirmedAt: now,
        // counted in full either way; a policy that does not stop shows an unknown order as an open one
        orders: policy.stopsOnUnknown
          ? orders
          : orders.map((order) => (isUncertain(order) ? { ...order, status: "open" } : order)),
        lots: books.lots,
        exposure: Portfolio.exposure(books.lots.values(), orders, () => quote),
        dayLoss: Money.zeroUsd,
        entriesToday: 0,
        lastEntryAt: undefined,
        lastLossAt: undefined,
        freeUsd: Money.usd("98.82"),
        takerFee: Money.rate("0.004"),
        makerFee: Money.rate("0.0025"),
        switchFiresAt: "off",
        epoch: 0,
        nextId: id
      }
    )
    if (Either.isLeft(verdict)) {
      if (verdict.left.code === "unknown order") this.waited += 1
      else if (verdict.left.code !== "exposure") throw new Error(`risk refused a drawn signal: ${verdict.left.text}`)
      return
    }
    const order = pendingOrder(verdict.right)
    this.sequence = nextSequence(now, this.sequence)
    this.requests.set(order.id, [intent, requests.addOrder(commitIntent(verdict.right, 0n))])
    if (intent === 0) this.first = order.id
    else this.entered += 1
    books.put(order)
    const { crash } = draw
    if (intent === 0 && crash?.at === "before leaving") return this.crash(crash.downFor)
    world.timeline.fork(this.carry(this.hands(), order))
  }

  private carry(hands: Hands, order: Order): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const { books } = hands
      books.outcome(order.id, yield* hands.resend(order))
      this.look()
      const after = books.order(order.id)
      if (after?.status === "unknown") yield* this.settling(hands, after)
    })
  }

  /** Reads what is known to be open, or ended with executions missing: the same for every policy, by the program's own code. */
  private follow({ books, desk, sleep }: Hands): Effect.Effect<void> {
    return Effect.gen(function* () {
      while (true) {
        yield* sleep(FOLLOW_EVERY_MS)
        for (const order of books.orders.values()) {
          if (order.status === "open" || (isTerminal(order.status) && missingQuantity(order) > 0n)) {
            yield* fetchOrder(desk, order)
          }
        }
      }
    })
  }
}
