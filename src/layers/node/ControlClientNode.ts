/** Reads `control.json` and asks the trader it names, on 127.0.0.1 and nowhere else. */
import { request } from "node:http"
import { Effect, Layer, Option, Schema } from "effect"
import { causes } from "../../domain/breaker/BreakerState.ts"
import { ControlClient, ControlRefusal, NotReachable } from "../../services/ControlClient.ts"
import type { ControlError } from "../../services/ControlClient.ts"
import { Settings } from "../../services/Settings.ts"
import type { ControlFile } from "./ControlFile.ts"
import { readControlFile } from "./ControlFile.ts"

/** A trader that does not answer within this is frozen, as far as its operator is concerned. */
const ANSWER_MS = 2_000
/** A cancel is confirmed at the exchange before it is answered. */
const CANCEL_MS = 45_000
const MAX_ANSWER_BYTES = 16_777_216

const Texts = Schema.Array(Schema.String)
const Ref = Schema.Struct({ pid: Schema.Int, startedAt: Schema.String })
const Status = Schema.Struct({ pid: Schema.Int }, Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const StopAnswer = Schema.Struct({ reason: Schema.String, openOrders: Texts })
const PauseReport = Schema.Struct({ paused: Schema.Boolean, durable: Schema.Boolean })
const CancelReport = Schema.Struct({
  cancelled: Texts,
  notOpen: Texts,
  unheardOf: Texts,
  left: Texts,
  placedAgain: Texts,
  warnings: Texts
})
const BreakerReport = Schema.Struct({
  latched: Schema.Array(Schema.Struct({ cause: Schema.Literal(...causes), reason: Schema.String })),
  durable: Schema.Boolean
})
const progressFields = {
  flattening: Schema.Boolean,
  settling: Texts,
  lots: Schema.Array(
    Schema.Struct({
      lotId: Schema.String,
      pair: Schema.String,
      remaining: Schema.String,
      state: Schema.Literal("working", "exiting", "placing", "waiting", "dust"),
      text: Schema.String
    })
  ),
  orders: Schema.Array(
    Schema.Struct({
      orderId: Schema.String,
      pair: Schema.String,
      side: Schema.Literal("buy", "sell"),
      quantity: Schema.String,
      status: Schema.String
    })
  ),
  doubts: Texts
}
const FlattenProgress = Schema.Struct(progressFields)
const FlattenAnswer = Schema.Struct({ ...progressFields, durable: Schema.Boolean })
const FramesAnswer = Schema.Struct({
  frames: Schema.Array(
    Schema.Struct({ at: Schema.String, stream: Schema.Literal("public", "private"), text: Schema.String })
  )
})
const Refusal = Schema.parseJson(Schema.Struct({ error: Schema.String }))

interface Answer {
  readonly status: number
  readonly text: string
}

/** The address of a control file, if it is one on loopback. */
const addressOf = (file: ControlFile): { readonly hostname: string; readonly port: number } | undefined => {
  const match = /^http:\/\/127\.0\.0\.1:(\d{1,5})$/.exec(file.url)
  return match === null ? undefined : { hostname: "127.0.0.1", port: Number(match[1]) }
}

const nobody = (reason: NotReachable["reason"], detail: string): NotReachable => new NotReachable({ reason, detail })

const call = (
  file: ControlFile,
  method: "GET" | "POST",
  path: string,
  body: object | undefined,
  timeoutMs: number
): Effect.Effect<Answer, NotReachable> =>
  Effect.async<Answer, NotReachable>((resume) => {
    const address = addressOf(file)
    if (address === undefined) {
      resume(Effect.fail(nobody("stranger", "control.json names an address that is not this machine's loopback")))
      return
    }
    const text = body === undefined ? undefined : JSON.stringify(body)
    const outgoing = request(
      {
        ...address,
        method,
        path,
        agent: false,
        headers:
          text === undefined
            ? {}
            : {
                authorization: `Bearer ${file.token}`,
                "content-type": "application/json",
                "content-length": Buffer.byteLength(text)
              }
      },
      (incoming) => {
        const chunks: Array<Buffer> = []
        let size = 0
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER_BYTES) outgoing.destroy(new Error("the answer is too long"))
          else chunks.push(chunk)
        })
        incoming.on("end", () =>
          resume(Effect.succeed({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }))
        )
        incoming.on("error", (cause) => resume(Effect.fail(nobody("stranger", cause.message))))
      }
    )
    outgoing.on("error", (cause) =>
      resume(Effect.fail(nobody("refused", `nobody answers at ${file.url} (${cause.message})`)))
    )
    outgoing.end(text)
    return Effect.sync(() => outgoing.destroy())
  }).pipe(
    Effect.timeoutFail({
      duration: timeoutMs,
      onTimeout: () =>
        nobody("timeout", `the trader (process ${file.pid}) did not answer within ${timeoutMs / 1000} seconds`)
    })
  )

const make = Effect.gen(function* () {
  const settings = yield* Settings

  const find = Effect.suspend(() =>
    Option.match(readControlFile(settings.dataDir), {
      onNone: () => Effect.fail(nobody("none", `no trader has announced itself in ${settings.dataDir}`)),
      onSome: Effect.succeed
    })
  )

  /** A killed trader leaves its file behind, and another program may have its port by now. */
  const recognise = (file: ControlFile): Effect.Effect<void, NotReachable> =>
    call(file, "GET", "/health", undefined, ANSWER_MS).pipe(
      Effect.flatMap((answer) => Schema.decodeUnknown(Schema.parseJson(Ref))(answer.text)),
      Effect.filterOrFail(
        (ref) => ref.pid === file.pid && ref.startedAt === file.startedAt,
        () => "another"
      ),
      Effect.asVoid,
      Effect.catchAll((error) =>
        Effect.fail(
          typeof error === "object" && error._tag === "NotReachable"
            ? error
            : nobody("stranger", `what answers at ${file.url} is not the trader of control.json`)
        )
      )
    )

  const ask = <A, I>(
    method: "GET" | "POST",
    path: string,
    body: object | undefined,
    schema: Schema.Schema<A, I>,
    timeoutMs: number
  ): Effect.Effect<A, ControlError> =>
    Effect.gen(function* () {
      const file = yield* find
      yield* recognise(file)
      const answer = yield* call(file, method, path, body, timeoutMs)
      if (answer.status !== 200) {
        const text = yield* Schema.decodeUnknown(Refusal)(answer.text).pipe(
          Effect.map((refusal) => refusal.error),
          Effect.orElseSucceed(() => `the trader answered with HTTP status ${answer.status}`)
        )
        return yield* new ControlRefusal({ status: answer.status, text })
      }
      return yield* Schema.decodeUnknown(Schema.parseJson(schema))(answer.text).pipe(
        Effect.mapError(() =>
          nobody("stranger", `the answer of ${path} cannot be read; is the trader of this version?`)
        )
      )
    })

  return ControlClient.of({
    status: ask("GET", "/status", undefined, Status, ANSWER_MS),
    stop: (reason) => ask("POST", "/stop", { reason }, StopAnswer, ANSWER_MS),
    pause: ask("POST", "/pause", {}, PauseReport, ANSWER_MS * 2),
    resume: ask("POST", "/resume", {}, PauseReport, ANSWER_MS * 2),
    cancel: (target) =>
      ask(
        "POST",
        "/cancel",
        target._tag === "Orders" ? { ids: target.ids } : target._tag === "Own" ? { all: true } : { account: true },
        CancelReport,
        CANCEL_MS
      ),
    flatten: ask("POST", "/flatten", {}, FlattenAnswer, ANSWER_MS * 2),
    flattenProgress: ask("GET", "/flatten", undefined, FlattenProgress, ANSWER_MS),
    frames: Effect.map(ask("POST", "/frames", {}, FramesAnswer, ANSWER_MS), ({ frames }) => frames),
    trip: (cause, reason) => ask("POST", "/breaker/trip", { cause, reason }, BreakerReport, ANSWER_MS * 2),
    reset: (cause, reason) =>
      ask("POST", "/breaker/reset", { ...(cause === undefined ? {} : { cause }), reason }, BreakerReport, ANSWER_MS * 2)
  })
})

export const ControlClientNode: Layer.Layer<ControlClient, never, Settings> = Layer.effect(ControlClient, make)
