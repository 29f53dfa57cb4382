/**
 * Books kept a second time, simply, from what was told: cash, lots, orders, the day. Shares no code with the portfolio.
 * All amounts at scale 10^-12; rounding is by hand.
 */

const ONE = 10n ** 12n
const DAY_MS = 86_400_000

/** n / d, half away from zero; d is positive. */
export const near = (n: bigint, d: bigint): bigint => (n < 0n ? -((-n * 2n + d) / (d * 2n)) : (n * 2n + d) / (d * 2n))
const ceil = (n: bigint, d: bigint): bigint => (n + d - 1n) / d
/** Rounded to so many decimals, half away from zero. */
export const round = (value: bigint, decimals: number): bigint => {
  const unit = 10n ** BigInt(12 - decimals)
  return near(value, unit) * unit
}

export interface Executed {
  readonly id: string
  readonly order: string
  readonly side: "buy" | "sell"
  readonly price: bigint
  readonly quantity: bigint
  readonly cost: bigint
  readonly fee: bigint
  readonly at: number
}

/** Dollars that an execution moves on the exchange's own ledger, of four decimals. */
export const moved = ({ cost, fee, side }: Executed): bigint =>
  (side === "buy" ? -1n : 1n) * round(cost, 4) - round(fee, 4)

interface Lot {
  bought: bigint
  sold: bigint
  cost: bigint
  fee: bigint
}

/** An order as the reports that arrived tell it. */
export interface Seen {
  readonly id: string
  readonly side: "buy" | "sell"
  limit: bigint
  quantity: bigint
  termsAt: number
  /** Executed by the largest total that was told, and by the executions that were told. */
  told: bigint
  booked: bigint
  stage: "pending" | "unknown" | "rejected" | "open" | "expired" | "cancelled" | "filled"
  /** What an exit sells, lot by lot; the front goes first. */
  shares: Array<{ readonly lot: string; left: bigint }>
}

const forward: Readonly<Record<Seen["stage"], number>> = {
  pending: 0,
  unknown: 0,
  rejected: 0,
  open: 1,
  expired: 2,
  cancelled: 3,
  filled: 4
}

export class Ledger {
  cash = 0n
  rounding = 0n
  proceeds = 0n
  exitFees = 0n
  readonly lots = new Map<string, Lot>()
  readonly orders = new Map<string, Seen>()
  readonly booked = new Set<string>()
  /** The day's mark, and the day whose loss was reached. */
  mark: { readonly day: number; readonly equity: bigint } | undefined
  lossOn: number | undefined
  entriesOn: { readonly day: number; readonly count: number } = { day: 0, count: 0 }
  lastEntryAt: number | undefined

  /** Books an execution, the first time it is told. */
  book(one: Executed, now: number): void {
    const order = this.orders.get(one.order)
    if (order === undefined || this.booked.has(one.id)) return
    this.booked.add(one.id)
    const exact = (one.side === "buy" ? -1n : 1n) * one.cost - one.fee
    this.cash += moved(one)
    this.rounding += moved(one) - exact
    order.booked += one.quantity
    if (order.booked > order.told) order.told = order.booked
    this.advance(order, "open")
    if (one.side === "buy") {
      const day = Math.floor(now / DAY_MS)
      if (!this.lots.has(one.order)) {
        this.entriesOn = { day, count: this.entriesOn.day === day ? this.entriesOn.count + 1 : 1 }
      }
      const lot = this.lots.get(one.order) ?? { bought: 0n, sold: 0n, cost: 0n, fee: 0n }
      lot.bought += one.quantity
      lot.cost += one.cost
      lot.fee += one.fee
      this.lots.set(one.order, lot)
      return
    }
    this.proceeds += one.cost
    this.exitFees += one.fee
    let left = one.quantity
    for (const share of order.shares) {
      const taken = left < share.left ? left : share.left
      share.left -= taken
      left -= taken
      const lot = this.lots.get(share.lot)
      if (lot !== undefined) lot.sold += taken
    }
    if (left !== 0n) throw new Error(`${one.id} sold more than its order names`)
  }

  /** A report of an order's state, in whatever order they come. */
  report(
    order: Seen,
    said: { stage: Seen["stage"]; told?: bigint; quantity?: bigint; limit?: bigint; at: number }
  ): void {
    const ended = said.stage !== "open" && said.told !== undefined
    this.advance(order, ended ? said.stage : "open")
    if (said.told !== undefined && said.told > order.told) order.told = said.told
    if (said.quantity === undefined || said.limit === undefined) return
    const larger = said.quantity === order.quantity ? said.limit > order.limit : said.quantity > order.quantity
    if (said.at > order.termsAt || (said.at === order.termsAt && larger)) {
      order.quantity = said.quantity
      order.limit = said.limit
      order.termsAt = said.at
    }
  }

  advance(order: Seen, stage: Seen["stage"]): void {
    if (forward[stage] > forward[order.stage]) order.stage = stage
  }

  /** Cost and fee of what was sold of the lots, by quantity, nearest. */
  private costOfSold(): bigint {
    let sum = 0n
    for (const { bought, cost, fee, sold } of this.lots.values()) {
      if (bought > 0n) sum += near((cost + fee) * sold, bought)
    }
    return sum
  }

  get realised(): bigint {
    return this.proceeds - this.exitFees - this.costOfSold()
  }

  get held(): bigint {
    return [...this.lots.values()].reduce((sum, lot) => sum + lot.bought - lot.sold, 0n)
  }

  /** Realised, and what selling everything at the bid would add. */
  equity(bid: bigint | undefined, takerFee: bigint): bigint | undefined {
    let sum = this.realised
    for (const { bought, cost, fee, sold } of this.lots.values()) {
      const left = bought - sold
      if (left === 0n) continue
      if (bid === undefined) return undefined
      const gross = (bid * left) / ONE
      sum += gross - ceil(gross * takerFee, ONE) - (cost + fee - near((cost + fee) * sold, bought))
    }
    return sum
  }

  /** What an order may still execute beyond what is booked. */
  open(order: Seen): bigint {
    const most = order.quantity > order.told ? order.quantity : order.told
    const left = (forward[order.stage] >= 2 || order.stage === "rejected" ? order.told : most) - order.booked
    return left > 0n ? left : 0n
  }

  exposure(bid: bigint | undefined): bigint {
    let sum = 0n
    for (const { bought, cost, sold } of this.lots.values()) {
      const left = bought - sold
      if (left === 0n) continue
      const paid = ceil(cost * left, bought)
      const worth = bid === undefined ? 0n : ceil(bid * left, ONE)
      sum += paid > worth ? paid : worth
    }
    for (const order of this.orders.values()) {
      if (order.side === "buy") sum += ceil(order.limit * this.open(order), ONE)
    }
    return sum
  }

  loss(now: number, bid: bigint | undefined, takerFee: bigint): bigint | undefined {
    if (this.mark?.day !== Math.floor(now / DAY_MS)) return undefined
    const equity = this.equity(bid, takerFee)
    return equity === undefined ? undefined : this.mark.equity - equity
  }
}
