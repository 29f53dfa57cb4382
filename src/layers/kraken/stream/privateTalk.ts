/**
 * The conversation on the authenticated socket: `executions` and `balances` with their snapshots and sequence numbers, and
 * cancels. Whatever could mean a missed report ends the session, so that the next one starts from snapshots.
 */
import { classify } from "../../../domain/kraken/errors.ts"
import type { OrderMemory } from "../../../domain/kraken/stream/OrderMemory.ts"
import type { PrivateChannel, PrivateFrame } from "../../../domain/kraken/stream/Private.ts"
import { decodePrivate } from "../../../domain/kraken/stream/Private.ts"
import type { Reply } from "../../../domain/kraken/stream/Reply.ts"
import { cancelOrders, subscribeBalances, subscribeExecutions } from "../../../domain/kraken/stream/Requests.ts"
import { checkSequence } from "../../../domain/kraken/stream/Sequence.ts"
import type { ExchangeOrderId } from "../../../domain/order/Ids.ts"
import type { OrderReport, StatusReport } from "../../../domain/order/Report.ts"
import type { PrivateStreamEvent } from "../../../services/KrakenStream.ts"
import type { EpochMs } from "../../../domain/Time.ts"
import type { Conversation } from "./session.ts"
import type { SessionEnded } from "./SessionEnded.ts"
import { ended } from "./SessionEnded.ts"
import type { Wire } from "./Talk.ts"
import { Talk } from "./Talk.ts"
import type { StreamTiming } from "./timing.ts"

export interface PrivateTalkOptions {
  readonly token: string
  readonly timing: StreamTiming
  readonly marketNow: () => EpochMs
  readonly sink: (event: PrivateStreamEvent) => boolean
  readonly onUp: () => void
  readonly onFrame: () => void
  /** A frame or row that was not understood; true when the kind is new and is to be told. */
  readonly note: (kind: string, text: string) => PrivateStreamEvent | undefined
  /** Survives the session: what was once learnt of an order. */
  readonly orders: { memory: OrderMemory }
}

export interface PrivateConversation extends Conversation {
  /** Ends the session on purpose. */
  readonly drop: (reason: string) => void
  /** Cancels and calls back once: true if every order's cancel was accepted. */
  readonly cancel: (clientIds: ReadonlyArray<string>, done: (all: boolean) => void) => void
}

interface ChannelState {
  readonly request: number
  acked: boolean
  snapshot: boolean
  sequence: number | undefined
}

interface PendingCancel {
  left: number
  accepted: boolean
  readonly done: (all: boolean) => void
}

/** How a refused private subscription ends the session. */
const refusal = (channel: PrivateChannel, text: string): SessionEnded => {
  const { kind } = classify(text)
  const why = kind === "credentials" || kind === "session" ? kind : "refused"
  return ended(why, `${channel}: ${text}`)
}

export const privateTalk = (options: PrivateTalkOptions, wire: Wire): PrivateConversation => {
  const { timing, token } = options
  const talk = new Talk(wire, timing)
  const cancels = new Map<number, PendingCancel>()
  /** Open orders as far as known while the snapshots come in; told with `PrivateUp`. */
  const open = new Map<ExchangeOrderId, StatusReport>()
  let isUp = false
  let settling = false

  const subscribe = (channel: PrivateChannel, make: (token: string, id: number) => string): ChannelState => {
    talk.expect(channel, timing.answer, "no answer", `the ${channel} subscription was not answered`)
    return { request: talk.request((id) => make(token, id)), acked: false, snapshot: false, sequence: undefined }
  }
  const channels: Readonly<Record<PrivateChannel, ChannelState>> = {
    executions: subscribe("executions", subscribeExecutions),
    balances: subscribe("balances", subscribeBalances)
  }

  const emit = (event: PrivateStreamEvent): void => {
    if (!talk.over && !options.sink(event)) talk.end(ended("overflow", "the trader could not take an event in time"))
  }
  const note = (kind: string, text: string): void => {
    const event = options.note(kind, text)
    if (event !== undefined) emit(event)
  }

  /** Both snapshots are here. Kraken may send them in several frames: what was sent before a pong has then arrived. */
  const checkUp = (): void => {
    const { executions, balances } = channels
    if (settling || !(executions.acked && executions.snapshot && balances.acked && balances.snapshot)) return
    settling = true
    talk.ping(() => {
      isUp = true
      emit({ _tag: "PrivateUp", openOrders: [...open.values()], at: options.marketNow() })
      open.clear()
      options.onUp()
    })
  }

  const track = (report: OrderReport): void => {
    if (report._tag !== "Status") return
    if (report.status === "open" || report.status === "pending") {
      open.set(report.exchangeId, { ...open.get(report.exchangeId), ...report })
    } else open.delete(report.exchangeId)
  }

  const onData = (frame: PrivateFrame & { readonly _tag: "Executions" | "Balances" }, text: string): void => {
    const name: PrivateChannel = frame._tag === "Executions" ? "executions" : "balances"
    const channel = channels[name]
    const snapshot = frame.type === "snapshot"
    const check = checkSequence(channel.sequence, frame.sequence, snapshot && !isUp)
    if (check === "gap") {
      return talk.end(ended("gap", `${name} jumped from sequence ${channel.sequence} to ${frame.sequence}`))
    }
    channel.sequence = frame.sequence
    for (const problem of frame.problems) note(`${name} row: ${problem}`, text)
    if (frame._tag === "Executions") {
      if (!isUp) frame.reports.forEach(track)
      if (frame.reports.length > 0) emit({ _tag: "Reports", reports: frame.reports, snapshot })
    } else if (frame.balances.length > 0) emit({ _tag: "Balances", balances: frame.balances, snapshot })
    // A row of a snapshot is history that REST tells as well; one of an update may be a fill that nobody else tells soon.
    if (!snapshot && frame.problems.length > 0) {
      return talk.end(ended("gap", `a report on ${name} was not understood (${frame.problems.join(", ")})`))
    }
    if (snapshot) {
      channel.snapshot = true
      talk.settle(`snapshot ${name}`)
      checkUp()
    }
  }

  const onSubscribed = (name: PrivateChannel, reply: Reply): void => {
    const channel = channels[name]
    talk.settle(name)
    if (!reply.success) return talk.end(refusal(name, reply.error ?? "refused without a reason"))
    channel.acked = true
    if (!channel.snapshot) {
      talk.expect(`snapshot ${name}`, timing.snapshot, "mute", `${name} was confirmed but its snapshot never came`)
    }
    checkUp()
  }

  const onCancelled = (id: number, pending: PendingCancel, reply: Reply): void => {
    pending.left -= 1
    pending.accepted = pending.accepted && reply.success
    if (pending.left > 0) return
    cancels.delete(id)
    pending.done(pending.accepted)
  }

  const onReply = (reply: Reply): void => {
    if (talk.onPong(reply)) return
    const id = reply.requestId
    const pending = id === undefined ? undefined : cancels.get(id)
    if (id !== undefined && pending !== undefined) onCancelled(id, pending, reply)
    else if (id === channels.executions.request) return onSubscribed("executions", reply)
    else if (id === channels.balances.request) return onSubscribed("balances", reply)
    else if (!reply.success) note("request refused", reply.error ?? "refused without a reason")
    if (reply.error !== undefined && classify(reply.error).kind === "session") talk.end(ended("session", reply.error))
  }

  const onFrame = (frame: PrivateFrame, text: string): void => {
    switch (frame._tag) {
      case "Executions":
      case "Balances":
        return onData(frame, text)
      case "Reply":
        return onReply(frame)
      case "Malformed":
        note(frame.kind, text)
        return frame.lost ? talk.end(ended("gap", `a private frame could not be read (${frame.kind})`)) : undefined
      case "Heartbeat":
        return
    }
  }

  return {
    onFrame: (text) => {
      if (!talk.heard()) return
      options.onFrame()
      const { frame, memory } = decodePrivate(text, options.orders.memory)
      options.orders.memory = memory
      onFrame(frame, text)
    },
    tick: () => talk.tick(),
    ping: (onPong) => talk.ping(onPong),
    close: () => {
      talk.over = true
      for (const { done } of cancels.values()) done(false)
      cancels.clear()
    },
    drop: (reason) => talk.end(ended("resync", reason)),
    cancel: (clientIds, done) => {
      if (talk.over) return done(false)
      const id = talk.request((requestId) => cancelOrders(token, clientIds, requestId))
      cancels.set(id, { left: clientIds.length, accepted: true, done })
    }
  }
}
