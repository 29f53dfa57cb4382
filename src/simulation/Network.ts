/**
 * The way between trader and exchange: requests and frames as texts, each with a delay of its own, and whatever can befall
 * them. It stands where sockets stand in a real run: behind the REST client's connections and the stream's `connect`.
 */
import { Deferred, Effect } from "effect"
import type { Frame } from "../domain/exchange/Boundary.ts"
import * as Exchange from "../domain/exchange/Exchange.ts"
import type { Random } from "../domain/exchange/market/Random.ts"
import type { EpochMs } from "../domain/Time.ts"
import type { Faults } from "../layers/exchange/Faults.ts"
import { frameKind } from "../layers/exchange/Faults.ts"
import { signatureFits } from "../layers/exchange/signature.ts"
import type { Connection, Dial, HttpRequest } from "../layers/kraken/rest/Transport.ts"
import { TransportFailure, Withheld } from "../layers/kraken/rest/Transport.ts"
import type { Connect } from "../layers/kraken/stream/connect.ts"
import type { SessionEnded } from "../layers/kraken/stream/SessionEnded.ts"
import { ended } from "../layers/kraken/stream/SessionEnded.ts"
import type { Effects } from "./Effects.ts"
import type { Loop } from "./Loop.ts"
import { world } from "./Loop.ts"
import type { Process } from "./Process.ts"
import type { SimExchange } from "./SimExchange.ts"

/** What a judge hears of the traffic. */
export interface Ear {
  /** A private request as it reaches the exchange, before it is executed; `cut` when it was written by a process that is gone. */
  readonly onRequest: (endpoint: string, params: ReadonlyMap<string, string>, at: EpochMs) => void
  /** And whether it was done as asked. */
  readonly onExecuted: (endpoint: string, taken: boolean) => void
  /** A private request as it was written, with its nonce. */
  readonly onWritten: (endpoint: string, nonce: bigint, at: EpochMs) => void
  /** What becomes of an answer or a frame on its way. */
  readonly onWay: (what: string, text: string) => string
  /** An answer or a frame as it reached the trader. */
  readonly onHeard: (what: string, text: string, at: EpochMs) => void
}

interface Session {
  readonly id: string
  readonly stream: "public" | "auth"
  readonly process: Process
  onFrame: (text: string) => void
  readonly over: (reason: SessionEnded) => void
  /** When the last frame arrives: frames keep their order. */
  lastAt: EpochMs
  held: string | undefined
}

interface Wired {
  readonly loop: Loop
  readonly exchange: SimExchange
  readonly faults: Faults
  readonly random: Random
  readonly secret: string
  readonly apiKey: string
  readonly ear: Ear
}

const FORM = "application/x-www-form-urlencoded"
const page = "<html><head><title>Bad Gateway</title></head><body>cloudflare</body></html>"
const errors = (text: string): string => JSON.stringify({ error: [text] })
const RESET_AFTER_MS = 40

const garble = (text: string): string => {
  const middle = text.length >> 1
  return `${text.slice(0, middle)}\u0000}${text.slice(middle + 2)}`
}

/** What comes back from the exchange over HTTP, after its journey. */
type Answer =
  | { readonly _tag: "Body"; readonly text: string }
  | { readonly _tag: "Status"; readonly status: number }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Silence" }

export class Network {
  /** Until when nothing gets through. */
  private downUntil: EpochMs = 0
  private readonly sessions = new Map<string, Session>()
  private serial = 0
  private readonly wired: Wired

  constructor(wired: Wired) {
    this.wired = wired
  }

  private get isDown(): boolean {
    return this.wired.loop.now < this.downUntil
  }

  private delay(): number {
    const { random } = this.wired
    // mostly tens of milliseconds, now and then a slow one
    return Math.round(random.next() < 0.02 ? random.between(200, 1500) : random.between(8, 60))
  }

  /** Nothing gets through for so long; open streams are cut, answers under way are lost. */
  cut(ms: number): void {
    this.downUntil = this.wired.loop.now + ms
    this.disconnect("both", 1006)
  }

  /** A cut ends. */
  mend(): void {
    this.downUntil = 0
  }

  /** Ends the streams with a close code. */
  disconnect(stream: "public" | "auth" | "both", code: number): void {
    for (const session of this.sessions.values()) {
      if (stream === "both" || stream === session.stream) this.close(session, code)
    }
  }

  /** A process is gone: the operating system closes what it had open. */
  hangUp(process: Process): void {
    for (const session of this.sessions.values()) {
      if (session.process === process) this.forget(session)
    }
  }

  private forget(session: Session): void {
    if (!this.sessions.delete(session.id)) return
    const { exchange, loop } = this.wired
    loop.at(loop.now + RESET_AFTER_MS, world, () => {
      exchange.take((state, now) => Exchange.closeSession(state, session.id, now))
    })
  }

  private close(session: Session, code: number): void {
    const { loop } = this.wired
    this.forget(session)
    loop.at(Math.max(session.lastAt, loop.now + 5), session.process, () =>
      session.over(ended("closed", `the connection was closed with code ${code}`))
    )
  }

  // ---- REST ----------------------------------------------------------------------------------------------------------

  private execute(request: HttpRequest, arrivedAt: EpochMs): string {
    const { apiKey, ear, exchange, secret } = this.wired
    const [path = "", query = ""] = request.path.split("?", 2)
    const [, , kind, endpoint = ""] = path.split("/")
    if (kind === "public") {
      const params = new Map(new URLSearchParams(request.method === "GET" ? query : (request.body ?? "")))
      return exchange.take((state, now) => Exchange.publicCall(state, { endpoint, params }, now)).reply.body
    }
    const body = request.body ?? ""
    const params = new Map(new URLSearchParams(body))
    const admitted = exchange.take((state, now) => Exchange.authenticate(state, request.headers["API-Key"] ?? "", now))
    if (admitted.refusal !== undefined) return admitted.refusal.body
    const fits =
      request.headers["API-Key"] === apiKey &&
      request.headers["Content-Type"]?.startsWith(FORM) === true &&
      signatureFits({
        secret,
        path: `/0/private/${endpoint}`,
        nonce: params.get("nonce") ?? "",
        body: Buffer.from(body),
        signature: request.headers["API-Sign"] ?? ""
      })
    ear.onRequest(endpoint, params, arrivedAt)
    const { body: answer } = exchange.take((state, now) =>
      fits
        ? Exchange.privateCall(state, apiKey, { endpoint, params }, now, arrivedAt)
        : Exchange.signatureRefused(state, apiKey, now)
    ).reply
    ear.onExecuted(endpoint, answer.startsWith('{"error":[],'))
    return answer
  }

  /** Carries a request there and its answer back; `back` hears when, unless nothing ever comes. */
  private carry(request: HttpRequest, endpoint: string, lost: boolean, back: (answer: Answer) => void): void {
    const { faults, loop } = this.wired
    const fault = faults.forRest(endpoint)
    const arrive = (after: number, then: () => void): void => {
      loop.at(loop.now + after, world, () => {
        if (this.isDown) back({ _tag: "Silence" })
        else then()
      })
    }
    const home = (answer: Answer, extra = 0): void => {
      loop.at(loop.now + this.delay() + extra, world, () => back(this.isDown ? { _tag: "Silence" } : answer))
    }
    arrive(this.delay(), () => {
      if (lost) return back({ _tag: "Silence" })
      const executed = fault === undefined || fault.kind === "refuse" || fault.executed
      const text =
        executed && fault?.kind !== "refuse" ? this.execute(request, loop.now) : errors("EService:Unavailable")
      switch (fault?.kind) {
        case undefined:
          return home({ _tag: "Body", text })
        case "refuse":
          this.cut(fault.realMs)
          return back({ _tag: "Silence" })
        case "drop":
        case "cut":
          return home({ _tag: "Reset" })
        case "status":
          return home({ _tag: "Status", status: fault.status })
        case "error":
          return home({ _tag: "Body", text: errors(fault.error) })
        case "delay":
          if (fault.executed) return home({ _tag: "Body", text }, fault.realMs)
          return arrive(fault.realMs, () => home({ _tag: "Body", text: this.execute(request, loop.now) }))
      }
    })
  }

  private transmit<E>(
    process: Process,
    effects: Effects,
    request: HttpRequest,
    lastLook: () => Effect.Effect<never, E> | undefined
  ): Effect.Effect<string, TransportFailure | E> {
    const { ear, loop } = this.wired
    const endpoint = request.path.split("?")[0]?.split("/")[3] ?? ""
    return Effect.async<string, TransportFailure | E>((resume) => {
      let written = false
      let settled = false
      const settle = (result: Effect.Effect<string, TransportFailure | E>): void => {
        if (settled) return
        settled = true
        cancel()
        resume(result)
      }
      const fail = (reason: TransportFailure["reason"], detail: string, status?: number): void =>
        settle(
          Effect.fail(new TransportFailure({ reason, written, detail, ...(status === undefined ? {} : { status }) }))
        )
      const cancel = loop.at(loop.now + request.timeoutMs, process, () =>
        fail("timeout", `no answer within ${request.timeoutMs} ms`)
      )
      const back = (answer: Answer): void => {
        if (answer._tag === "Silence") return
        process.accept(() => {
          switch (answer._tag) {
            case "Body": {
              if (settled) return
              const text = ear.onWay(endpoint, answer.text)
              ear.onHeard(endpoint, text, loop.now)
              return settle(Effect.succeed(text))
            }
            case "Status":
              return fail("http", `HTTP status ${answer.status}: ${page.length} bytes`, answer.status)
            case "Reset":
              return fail("reset", "ECONNRESET")
          }
        })
      }
      if (!process.alive) return
      if (this.isDown) loop.at(loop.now + 2, process, () => fail("refused", "ECONNREFUSED"))
      else {
        const withheld = lastLook()
        if (withheld !== undefined) settle(withheld)
        else {
          written = true
          const nonce = /(?:^|&)nonce=(\d+)/.exec(request.body ?? "")?.[1]
          if (nonce !== undefined) ear.onWritten(endpoint, BigInt(nonce), loop.now)
          switch (effects.next(`request: ${endpoint}`)) {
            case undefined:
              this.carry(request, endpoint, false, back)
              break
            case "fail":
              loop.at(loop.now + this.delay(), process, () => fail("reset", "ECONNRESET"))
              break
            case "hang":
              this.carry(request, endpoint, false, () => undefined)
              break
            case "crash":
              this.carry(request, endpoint, false, () => undefined)
              effects.end()
              break
          }
        }
      }
      return Effect.sync(() => {
        settled = true
        cancel()
      })
    })
  }

  /** HTTP for one process. */
  readonly dial =
    (process: Process, effects: Effects): Dial =>
    () => {
      const made: Connection = {
        warm: Effect.void,
        send: (request) => this.transmit(process, effects, request, () => undefined),
        sendUnless: (request, lastLook) =>
          this.transmit(process, effects, request, () => {
            const reason = lastLook()
            return reason === undefined ? undefined : Effect.fail(new Withheld({ reason }))
          })
      }
      return Effect.succeed(made)
    }

  // ---- streams -------------------------------------------------------------------------------------------------------

  /** Lets frames travel, with whatever befalls them. */
  readonly deliver = (frames: ReadonlyArray<Frame>): void => {
    for (const frame of frames) {
      const session = this.sessions.get(frame.session)
      if (session !== undefined) this.emit(session, frame.text)
    }
  }

  private push(session: Session, text: string, extra = 0): void {
    const { ear, loop } = this.wired
    session.lastAt = Math.max(session.lastAt, loop.now + this.delay() + extra)
    loop.at(session.lastAt, session.process, () => {
      if (this.sessions.get(session.id) !== session) return
      const told = ear.onWay(session.stream, text)
      ear.onHeard(session.stream, told, loop.now)
      session.onFrame(told)
    })
  }

  private emit(session: Session, text: string): void {
    const fault = this.wired.faults.forFrame(() => frameKind(session.stream, text))
    const { held } = session
    session.held = undefined
    switch (fault?.kind) {
      case undefined:
        this.push(session, text)
        break
      case "silence":
      case "drop":
      case "mute":
        break
      case "close":
        this.close(session, fault.code)
        break
      case "duplicate":
        this.push(session, text)
        this.push(session, text)
        break
      case "reorder":
        session.held = text
        break
      case "corrupt":
        this.push(session, garble(text))
        break
      case "garbage":
        this.push(session, page)
        this.push(session, text)
        break
      case "delay":
        this.push(session, text, fault.realMs)
        break
    }
    if (held !== undefined) this.push(session, held)
  }

  private hear(session: Session, text: string): void {
    const { exchange, loop } = this.wired
    loop.at(loop.now + this.delay(), world, () => {
      if (this.isDown || !this.sessions.has(session.id)) return
      exchange.take((state, now) => Exchange.receive(state, session.id, text, now))
    })
  }

  /** WebSockets for one process. */
  readonly connect =
    (process: Process, effects: Effects): Connect =>
    (url, onOpen, openTimeoutMs) =>
      Effect.gen(this, function* () {
        const { exchange, loop } = this.wired
        const over = yield* Deferred.make<never, SessionEnded>()
        this.serial += 1
        const stream = url.includes("auth") ? "auth" : "public"
        const session: Session = {
          id: `${stream}-${this.serial}`,
          stream,
          process,
          onFrame: () => undefined,
          over: (reason) => Deferred.unsafeDone(over, Effect.fail(reason)),
          lastAt: 0,
          held: undefined
        }
        if (!process.alive) return yield* Effect.never
        const blow = effects.next(`connect: ${stream}`)
        if (blow === "crash") return yield* effects.gone
        if (this.isDown || blow === "fail") {
          yield* Effect.sleep(5)
          return yield* ended("unreachable", "ECONNREFUSED")
        }
        const send = (text: string): boolean => {
          if (!process.alive || this.sessions.get(session.id) !== session) return false
          switch (effects.next(`message: ${stream}`)) {
            case "fail":
              return false
            case "hang":
              return true
            case "crash":
              this.hear(session, text)
              effects.end()
              return true
            case undefined:
          }
          this.hear(session, text)
          return true
        }
        yield* Effect.addFinalizer(() => Effect.sync(() => this.forget(session)))
        yield* Effect.async<void>((resume) => {
          if (blow === "hang") return
          loop.at(loop.now + this.delay(), world, () => {
            if (this.isDown || !process.alive) return
            this.sessions.set(session.id, session)
            session.lastAt = loop.now + this.delay()
            loop.at(session.lastAt, process, () => {
              if (this.sessions.get(session.id) !== session) return
              session.onFrame = onOpen(send)
              resume(Effect.void)
            })
            exchange.take((state, now) => Exchange.openSession(state, session.id, stream, now))
          })
        }).pipe(
          Effect.timeoutFail({
            duration: openTimeoutMs,
            onTimeout: () => ended("unreachable", `no connection within ${openTimeoutMs} ms`)
          }),
          Effect.raceFirst(Deferred.await(over))
        )
        return { ended: Deferred.await(over) }
      })
}
