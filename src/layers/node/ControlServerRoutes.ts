/** Which request asks for what. Bodies are JSON objects; everything that is answered is JSON, the metrics aside. */
import { Effect, Schema } from "effect"
import { causes } from "../../domain/breaker/BreakerState.ts"
import { iso } from "../../domain/Time.ts"
import type {
  CancelTarget,
  ControlFailed,
  ControlHandlers,
  ControlIdentity,
  MetricSample
} from "../../services/ControlServer.ts"

export interface Reply {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that needs no token, or one that does and carries a body. */
export type Route =
  | { readonly _tag: "Read"; readonly run: Effect.Effect<Reply> }
  | { readonly _tag: "Command"; readonly run: (body: string) => Effect.Effect<Reply> }

const reply = (status: number, body: object): Reply => ({
  status,
  type: "application/json",
  text: JSON.stringify(body)
})
const refuse = (status: number, text: string): Reply => reply(status, { error: text })

const Reason = Schema.String.pipe(Schema.maxLength(500))
const StopBody = Schema.Struct({ reason: Schema.optional(Reason) })
const EmptyBody = Schema.Record({ key: Schema.String, value: Schema.Unknown }).pipe(
  Schema.filter((body) => Object.keys(body).length === 0)
)
const CauseName = Schema.Literal(...causes)
const TripBody = Schema.Struct({ cause: Schema.optional(CauseName), reason: Schema.optional(Reason) })
const CancelBody = Schema.Union(
  Schema.Struct({ ids: Schema.NonEmptyArray(Schema.String.pipe(Schema.maxLength(64))) }),
  Schema.Struct({ all: Schema.Literal(true) }),
  Schema.Struct({ account: Schema.Literal(true) })
)

const target = (body: typeof CancelBody.Type): CancelTarget =>
  "ids" in body ? { _tag: "Orders", ids: body.ids } : "all" in body ? { _tag: "Own" } : { _tag: "Account" }

const command = <A, I>(
  schema: Schema.Schema<A, I>,
  run: (body: A) => Effect.Effect<object, ControlFailed>,
  expected: string
): Route => {
  const decode = Schema.decodeUnknown(Schema.parseJson(schema), { onExcessProperty: "error" })
  return {
    _tag: "Command",
    run: (body) =>
      decode(body.trim() === "" ? "{}" : body).pipe(
        Effect.flatMap(run),
        Effect.map((result) => reply(200, result)),
        Effect.catchTags({
          ParseError: () => Effect.succeed(refuse(400, `the body must be ${expected}`)),
          ControlFailed: (failed) => Effect.succeed(refuse(503, failed.text))
        })
      )
  }
}

const number = (value: number): string =>
  Number.isNaN(value) ? "NaN" : value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value)

const escape = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")

const line = (name: string, labels: Readonly<Record<string, string>>, value: number): string => {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${number(value)}`
}

const sampleLines = (name: string, { labels = {}, value, histogram, summary }: MetricSample): ReadonlyArray<string> => {
  const whole = histogram ?? summary
  if (whole === undefined) return [line(name, labels, value)]
  return [
    ...(histogram === undefined
      ? []
      : [...histogram.buckets, [Infinity, histogram.count] as const].map(([bound, below]) =>
          line(`${name}_bucket`, { ...labels, le: number(bound) }, below)
        )),
    ...(summary?.quantiles ?? []).map(([quantile, at]) => line(name, { ...labels, quantile }, at)),
    line(`${name}_sum`, labels, whole.sum),
    line(`${name}_count`, labels, whole.count)
  ]
}

/** Prometheus text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const prometheus = (samples: ReadonlyArray<MetricSample>): string => {
  const lines: Array<string> = []
  const families = new Map<string, Array<MetricSample>>()
  for (const sample of samples) families.set(sample.name, [...(families.get(sample.name) ?? []), sample])
  for (const [name, family] of families) {
    const full = `kraken_trader_${name}`
    for (const [index, sample] of family.entries()) {
      if (index === 0) {
        lines.push(`# HELP ${full} ${sample.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`)
        lines.push(`# TYPE ${full} ${sample.type}`)
      }
      lines.push(...sampleLines(full, sample))
    }
  }
  return `${lines.join("\n")}\n`
}

const routes = (
  h: ControlHandlers,
  identity: ControlIdentity
): Readonly<Record<string, Readonly<Partial<Record<"GET" | "POST", Route>>>>> => ({
  "/health": {
    GET: {
      _tag: "Read",
      run: Effect.succeed(
        reply(200, {
          ok: true,
          pid: identity.pid,
          startedAt: iso(identity.startedAt),
          mode: identity.mode,
          version: identity.version
        })
      )
    }
  },
  "/status": { GET: { _tag: "Read", run: Effect.map(h.status, (status) => reply(200, status)) } },
  "/metrics": {
    GET: {
      _tag: "Read",
      run: Effect.map(h.metrics, (samples) => ({
        status: 200,
        type: "text/plain; version=0.0.4; charset=utf-8",
        text: prometheus(samples)
      }))
    }
  },
  "/stop": {
    POST: command(StopBody, ({ reason }) => h.stop(reason ?? "asked for over the control server"), '{"reason"?: text}')
  },
  "/pause": { POST: command(EmptyBody, () => h.pause, "empty") },
  "/resume": { POST: command(EmptyBody, () => h.resume, "empty") },
  "/cancel": {
    POST: command(CancelBody, (body) => h.cancel(target(body)), '{"ids": [id, …]}, {"all": true} or {"account": true}')
  },
  // how far it is holds no secret; to begin it needs the token
  "/flatten": {
    GET: { _tag: "Read", run: Effect.map(h.flattenProgress, (progress) => reply(200, progress)) },
    POST: command(EmptyBody, () => h.flatten, "empty")
  },
  // a command, since what the account hears is for its owner alone
  "/frames": { POST: command(EmptyBody, () => Effect.map(h.frames, (frames) => ({ frames })), "empty") },
  "/breaker/trip": {
    POST: command(
      TripBody,
      ({ cause, reason }) => h.trip(cause ?? "operator", reason ?? "tripped by hand"),
      `{"cause"?: one of ${causes.join(", ")}, "reason"?: text}`
    )
  },
  "/breaker/reset": {
    POST: command(
      TripBody,
      ({ cause, reason }) => h.reset(cause, reason ?? "reset by hand"),
      `{"cause"?: one of ${causes.join(", ")}, "reason"?: text}`
    )
  }
})

/** The route of a request, or the refusal of one that there is none for. */
export const route = (
  method: string,
  url: string,
  handlers: ControlHandlers,
  identity: ControlIdentity
): Route | Reply => {
  const table = routes(handlers, identity)
  const path = url.split("?")[0] ?? ""
  const methods = Object.hasOwn(table, path) ? table[path] : undefined
  if (methods === undefined) return refuse(404, `there is no ${path.slice(0, 100)} here`)
  const found = method === "GET" ? methods.GET : method === "POST" ? methods.POST : undefined
  const allowed = Object.keys(methods).join(", ")
  return found ?? { ...refuse(405, `${path} takes ${allowed}`), headers: { allow: allowed } }
}
