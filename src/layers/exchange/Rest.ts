/** The REST side: `/0/public/X`, `/0/private/X` with its signature, and `/control/X`; faults included. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, Option, Redacted, Schema } from "effect"
import * as Exchange from "../../domain/exchange/Exchange.ts"
import type { LocalKrakenError, RestFault, SteerableClockShape } from "../../services/LocalKraken.ts"
import { ControlRefused, Fault } from "../../services/LocalKraken.ts"
import type { Driver } from "./Driver.ts"
import type { Faults } from "./Faults.ts"
import { bodyParams, controlBody, queryParams } from "./params.ts"
import { sameToken, signatureFits } from "./signature.ts"

/** Kraken's requests are small; a larger body is refused with 413. */
const MAX_BODY_BYTES = 1_048_576

export interface RestParts {
  readonly driver: () => Driver
  readonly clock: SteerableClockShape
  readonly faults: Faults
  /** API key to secret. */
  readonly secrets: ReadonlyMap<string, string>
  readonly controlToken: Redacted.Redacted
  readonly operate: (
    name: string,
    params: Readonly<Record<string, string>>
  ) => Effect.Effect<unknown, ControlRefused | LocalKrakenError>
  /** Closes the port for so many real milliseconds. */
  readonly refuse: (realMs: number) => void
  /** Real milliseconds that a call takes there and back; half before it is executed, half after. */
  readonly latencyMs: number
  /** Whether there is no market at the moment. */
  readonly isOut: () => boolean
}

interface Answer {
  readonly status: number
  readonly type: "application/json" | "text/html"
  readonly body: string
}

const json = (body: string, status = 200): Answer => ({ status, type: "application/json", body })
const page = (status: number): Answer => ({
  status,
  type: "text/html",
  body: `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><center><h1>${status}</h1></center><hr><center>cloudflare</center></body></html>\n`
})
const errors = (text: string): string => JSON.stringify({ error: [text] })
/** What tells prices; during an outage it answers that it cannot. */
const marketData: ReadonlySet<string> = new Set(["Ticker", "OHLC", "Depth", "Trades", "Spread"])
const notFound = page(404)

const send = (response: ServerResponse, answer: Answer): void => {
  const bytes = Buffer.from(answer.body)
  response.writeHead(answer.status, {
    "content-type": `${answer.type}; charset=utf-8`,
    "content-length": bytes.length,
    "cache-control": "no-store"
  })
  response.end(bytes)
}

/** The head promises the whole body, half of it comes, then the line is cut. */
const sendHalf = (response: ServerResponse, answer: Answer): void => {
  const bytes = Buffer.from(answer.body)
  response.writeHead(answer.status, { "content-type": answer.type, "content-length": bytes.length })
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
}

type Body =
  { readonly _tag: "Whole"; readonly bytes: Buffer } | { readonly _tag: "TooLarge" } | { readonly _tag: "Gone" }

const readBody = (request: IncomingMessage): Effect.Effect<Body> =>
  Effect.async<Body>((resume) => {
    const parts: Array<Buffer> = []
    let size = 0
    request.on("data", (part: Buffer) => {
      size += part.length
      if (size <= MAX_BODY_BYTES) parts.push(part)
    })
    request.on("end", () =>
      resume(
        Effect.succeed(size > MAX_BODY_BYTES ? { _tag: "TooLarge" } : { _tag: "Whole", bytes: Buffer.concat(parts) })
      )
    )
    request.on("error", () => resume(Effect.succeed({ _tag: "Gone" })))
  })

const header = (request: IncomingMessage, name: string): string => {
  const value = request.headers[name]
  return typeof value === "string" ? value : ""
}

const controlParams = Schema.decodeUnknown(
  Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean) })
)
const decodeFault = Schema.decodeUnknown(Fault, { onExcessProperty: "error" })
const decodeClear = Schema.decodeUnknown(Schema.Struct({ id: Schema.optional(Schema.Int) }))

export const makeRest = (parts: RestParts) => {
  const { clock, driver, faults, operate, secrets } = parts

  const publicCall = (endpoint: string, params: ReadonlyMap<string, string>): Effect.Effect<string, LocalKrakenError> =>
    driver().run((state, now) => {
      const { reply, ...step } = Exchange.publicCall(state, { endpoint, params }, now)
      return { ...step, value: reply.body }
    })

  /** Key, then signature, then what the engine checks (nonce, permission, limits). */
  const privateCall = (
    endpoint: string,
    request: IncomingMessage,
    bytes: Buffer,
    arrivedAt: number
  ): Effect.Effect<string, LocalKrakenError> =>
    driver().run((state, now) => {
      const apiKey = header(request, "api-key")
      const admitted = Exchange.authenticate(state, apiKey, now)
      if (admitted.refusal !== undefined) return { ...admitted, value: admitted.refusal.body }
      const params = bodyParams(bytes, header(request, "content-type"))
      if (Option.isNone(params)) return { ...admitted, value: errors("EAPI:Bad request") }
      const fits = signatureFits({
        secret: secrets.get(apiKey) ?? "",
        path: `/0/private/${endpoint}`,
        nonce: params.value.get("nonce") ?? "",
        body: bytes,
        signature: header(request, "api-sign")
      })
      const answered = fits
        ? Exchange.privateCall(admitted.state, apiKey, { endpoint, params: params.value }, now, arrivedAt)
        : Exchange.signatureRefused(admitted.state, apiKey, now)
      return {
        state: answered.state,
        frames: [...admitted.frames, ...answered.frames],
        value: answered.reply.body
      }
    })

  const half = Effect.sleep(parts.latencyMs / 2)
  const far = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    parts.latencyMs === 0 ? call : Effect.zipRight(half, Effect.zipLeft(call, half))

  /** What this exchange answers when nothing goes wrong on the way. A step that cannot be committed did not happen. */
  const answer = (effect: Effect.Effect<string, LocalKrakenError>): Effect.Effect<Answer> =>
    far(effect).pipe(
      Effect.map((body) => json(body)),
      Effect.catchAll((error) => Effect.as(Effect.logError(error.message), page(503))),
      Effect.catchAllDefect((defect) => Effect.as(Effect.logError("the local Kraken failed", defect), page(500)))
    )

  const strike = (
    fault: RestFault["effect"],
    call: Effect.Effect<Answer>,
    response: ServerResponse
  ): Effect.Effect<void> => {
    if (fault.kind === "refuse") return Effect.sync(() => parts.refuse(fault.realMs))
    const executed = fault.executed ? Effect.asVoid(call) : Effect.void
    switch (fault.kind) {
      case "drop":
        return Effect.map(executed, () => {
          response.destroy()
        })
      case "cut":
        return Effect.map(fault.executed ? call : Effect.succeed(json(errors("EService:Unavailable"))), (full) =>
          sendHalf(response, full)
        )
      case "status":
        return Effect.map(executed, () => send(response, page(fault.status)))
      case "error":
        return Effect.map(executed, () => send(response, json(errors(fault.error))))
      case "delay":
        return Effect.map(
          fault.executed
            ? Effect.zipLeft(call, Effect.sleep(fault.realMs))
            : Effect.zipRight(Effect.sleep(fault.realMs), call),
          (full) => send(response, full)
        )
    }
  }

  const kraken = (
    endpoint: string,
    call: Effect.Effect<string, LocalKrakenError>,
    response: ServerResponse
  ): Effect.Effect<void> => {
    const fault = faults.forRest(endpoint)
    return fault === undefined
      ? Effect.map(answer(call), (full) => send(response, full))
      : strike(fault, answer(call), response)
  }

  const controlled = (name: string, bytes: Buffer): Effect.Effect<unknown, ControlRefused | LocalKrakenError> =>
    Effect.gen(function* () {
      const body = yield* Effect.mapError(controlBody(bytes), (message) => new ControlRefused({ message }))
      if (name === "faults") return faults.list()
      if (name === "fault") {
        const fault = yield* Effect.mapError(
          decodeFault(body),
          (error) => new ControlRefused({ message: error.message })
        )
        return { id: faults.add(fault) }
      }
      if (name === "clear") {
        const { id } = yield* Effect.mapError(
          decodeClear(body),
          () => new ControlRefused({ message: "id must be a whole number" })
        )
        faults.clear(id)
        return { done: true }
      }
      const params = yield* Effect.mapError(
        controlParams(body),
        () => new ControlRefused({ message: "parameters must be texts, numbers or booleans" })
      )
      return yield* operate(
        name,
        Object.fromEntries(Object.entries(params).map(([key, value]) => [key, String(value)]))
      )
    })

  /** Only for who holds the token, and never for a web page: the names of another host and an `Origin` are refused. */
  const control = (name: string, request: IncomingMessage, bytes: Buffer): Effect.Effect<Answer> => {
    const local = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(header(request, "host"))
    const said = header(request, "authorization")
    if (!local || request.headers.origin !== undefined)
      return Effect.succeed(json(JSON.stringify({ error: "forbidden" }), 403))
    if (!said.startsWith("Bearer ")) return Effect.succeed(json(JSON.stringify({ error: "token missing" }), 401))
    if (!sameToken(said.slice(7), Redacted.value(parts.controlToken))) {
      return Effect.succeed(json(JSON.stringify({ error: "wrong token" }), 403))
    }
    return controlled(name, bytes).pipe(
      Effect.map((result) => json(JSON.stringify({ result }))),
      Effect.catchTags({
        ControlRefused: (error) => Effect.succeed(json(JSON.stringify({ error: error.message }), 400)),
        LocalKrakenError: (error) => Effect.succeed(json(JSON.stringify({ error: error.message }), 503))
      }),
      Effect.catchAllDefect((defect) => Effect.as(Effect.logError("the local Kraken failed", defect), page(500)))
    )
  }

  const route = (request: IncomingMessage, response: ServerResponse, bytes: Buffer, arrivedAt: number) => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2)
    const [, world, kind, endpoint = "", ...rest] = path.split("/")
    const post = request.method === "POST"
    if (world === "control" && kind !== undefined && endpoint === "" && post) {
      return Effect.map(control(kind, request, bytes), (full) => send(response, full))
    }
    if (world === "0" && endpoint !== "" && rest.length === 0) {
      if (kind === "public") {
        const given = post ? Option.getOrElse(bodyParams(bytes, header(request, "content-type")), () => new Map()) : []
        const params = new Map([...queryParams(query), ...given])
        const call =
          parts.isOut() && marketData.has(endpoint)
            ? Effect.succeed(errors("EService:Unavailable"))
            : publicCall(endpoint, params)
        return kraken(endpoint, call, response)
      }
      if (kind === "private" && post) {
        return kraken(endpoint, privateCall(endpoint, request, bytes, arrivedAt), response)
      }
    }
    return Effect.sync(() => send(response, world === "0" ? json(errors("EGeneral:Unknown method")) : notFound))
  }

  /** One request, from its first byte to its answer. */
  return (request: IncomingMessage, response: ServerResponse): Effect.Effect<void> =>
    Effect.flatMap(readBody(request), (body) => {
      if (body._tag === "Gone") return Effect.void
      if (body._tag === "TooLarge") return Effect.sync(() => send(response, page(413)))
      return route(request, response, body.bytes, clock.unsafeNow())
    })
}
