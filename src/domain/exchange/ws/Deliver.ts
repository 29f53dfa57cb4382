/** Sends one thing to every subscription of a channel. */
import type { Draft } from "../Draft.ts"
import { send, sessionOf } from "../Draft.ts"
import type { Subscription } from "../State.ts"

export type Of<C extends Subscription["channel"]> = Extract<Subscription, { readonly channel: C }>

export interface Delivery<C extends Subscription["channel"]> {
  readonly text: string
  /** The subscription afterwards (its sequence, what it has been shown). */
  readonly next: Of<C>
}

const isOf = <C extends Subscription["channel"]>(subscription: Subscription, channel: C): subscription is Of<C> =>
  subscription.channel === channel

/** Renders for each subscription of a channel; nothing is sent where `render` gives nothing. */
export const deliver = <C extends Subscription["channel"]>(
  d: Draft,
  channel: C,
  isPrivate: boolean,
  render: (subscription: Of<C>) => Delivery<C> | undefined
): void => {
  for (const { id, subscriptions } of d.state.sessions.values()) {
    subscriptions.forEach((subscription, index) => {
      if (!isOf(subscription, channel)) return
      const out = render(subscription)
      if (out === undefined) return
      const session = sessionOf(d.state, id)
      send(d, { ...session, subscriptions: session.subscriptions.with(index, out.next) }, out.text, isPrivate)
    })
  }
}
