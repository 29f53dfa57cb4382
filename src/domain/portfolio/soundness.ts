/** What must hold in any books, whenever they were written down. */
import type { Snapshot } from "../engine/Snapshot.ts"
import * as Fixed from "../money/Fixed.ts"
import { claimed } from "./Portfolio.ts"

/** Everything that is wrong with the books by themselves; none: they are sound. */
export const unsound = ({
  lots,
  orders,
  soldLots
}: Pick<Snapshot, "lots" | "orders" | "soldLots">): ReadonlyArray<string> => [
  ...[...lots, ...soldLots].flatMap((lot) =>
    lot.remaining < 0n || lot.remaining > lot.quantity
      ? [`lot ${lot.id} holds ${Fixed.show(lot.remaining)} of ${Fixed.show(lot.quantity)} bought`]
      : []
  ),
  ...[...lots, ...soldLots].flatMap((lot) =>
    lot.cost < 0n || lot.proceeds < 0n ? [`lot ${lot.id} has a negative cost or negative proceeds`] : []
  ),
  ...lots.flatMap((lot) =>
    claimed(lot.id, orders) > lot.remaining
      ? [
          `open exits may sell ${Fixed.show(claimed(lot.id, orders))} of lot ${lot.id}, which holds ${Fixed.show(lot.remaining)}`
        ]
      : []
  ),
  ...orders.flatMap((order) =>
    order.bookedQuantity > order.cumQuantity
      ? [
          `order ${order.id} has ${Fixed.show(order.bookedQuantity)} booked of ${Fixed.show(order.cumQuantity)} executed`
        ]
      : []
  )
]
