/** A plain client of the local Kraken: fetch and ws, signing as Kraken documents it, nothing of the trader's. */
import { createHash, createHmac } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Data, Effect, Redacted } from "effect"
import { WebSocket } from "ws"
import type { LocalKrakenOptions } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenShape } from "../../../src/services/LocalKraken.ts"

export const START = Date.UTC(2026, 0, 5, 12, 0, 0)

/** A small, fast exchange: fed from outside, at speed 1, 10,000 USD. */
export const plainOptions: LocalKrakenOptions = {
  market: { _tag: "Kraken" },
  seed: 1,
  balances: { USD: "10000", XLM: "1000" },
  speed: 1,
  from: START
}

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "local-kraken-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const sign = (path: string, nonce: string, body: string, secret: string): string =>
  createHmac("sha512", Buffer.from(secret, "base64"))
    .update(path)
    .update(
      createHash("sha256")
        .update(nonce + body)
        .digest()
    )
    .digest("base64")

let nonce = Date.now() * 1000
export const nextNonce = (): string => String((nonce += 1))

export interface Reply {
  readonly error: ReadonlyArray<string>
  readonly result?: any // oxlint-disable-line typescript/no-explicit-any -- a test reads what it expects
}

export const get = (kraken: LocalKrakenShape, path: string) =>
  Effect.promise(async (): Promise<Reply> => (await fetch(`${kraken.restUrl}${path}`)).json() as Promise<Reply>)

export interface PrivateOptions {
  readonly nonce?: string
  readonly key?: string
  readonly signature?: string
  readonly json?: boolean
}

/** No answer came, or not a whole one. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{ readonly cause: unknown }> {}

/** The response of a private call as fetch sees it; fails as fetch fails. */
export const post = (
  kraken: LocalKrakenShape,
  endpoint: string,
  params: Readonly<Record<string, string>> = {},
  options: PrivateOptions = {}
) =>
  Effect.tryPromise({
    try: async () => {
      const path = `/0/private/${endpoint}`
      const n = options.nonce ?? nextNonce()
      const fields = { nonce: n, ...params }
      const body = options.json === true ? JSON.stringify(fields) : new URLSearchParams(fields).toString()
      const response = await fetch(`${kraken.restUrl}${path}`, {
        method: "POST",
        headers: {
          "content-type":
            options.json === true ? "application/json" : "application/x-www-form-urlencoded; charset=utf-8",
          "API-Key": options.key ?? Redacted.value(kraken.credentials.key),
          "API-Sign": options.signature ?? sign(path, n, body, Redacted.value(kraken.credentials.secret))
        },
        body
      })
      return { status: response.status, text: await response.text() }
    },
    catch: (cause) => new NoAnswer({ cause })
  })

export const call = (
  kraken: LocalKrakenShape,
  endpoint: string,
  params: Readonly<Record<string, string>> = {},
  options: PrivateOptions = {}
) => Effect.map(Effect.orDie(post(kraken, endpoint, params, options)), ({ text }) => JSON.parse(text) as Reply)

export const control = (
  kraken: LocalKrakenShape,
  name: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = { authorization: `Bearer ${Redacted.value(kraken.controlToken)}` }
) =>
  Effect.promise(async () => {
    const response = await fetch(`${kraken.restUrl}/control/${name}`, {
      method: "POST",
      headers,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const text = await response.text()
    // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects
    return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as any }
  })

/** A stream whose frames can be waited for. */
export interface Client {
  readonly socket: WebSocket
  readonly frames: Array<string>
  readonly send: (message: unknown) => void
  /** The first frame not yet taken that fits; waits for it. */
  readonly next: (fits: (text: string) => boolean) => Effect.Effect<string>
  /** The close code; waits for the end. */
  readonly closed: Effect.Effect<number>
}

export const connect = (url: string, options: { readonly autoPong?: boolean } = {}) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<Client>((resolve, reject) => {
          const socket = new WebSocket(url, options)
          const frames: Array<string> = []
          const waiting = new Set<() => void>()
          let code: number | undefined
          const wake = () => [...waiting].forEach((look) => look())
          socket.on("message", (data) => {
            frames.push(String(data))
            wake()
          })
          socket.on("close", (c) => {
            code = c
            wake()
          })
          socket.on("error", reject)
          const until = <A>(look: () => A | undefined) =>
            Effect.async<A>((resume) => {
              const attempt = () => {
                const found = look()
                if (found === undefined) return
                waiting.delete(attempt)
                resume(Effect.succeed(found))
              }
              waiting.add(attempt)
              attempt()
            })
          let taken = 0
          socket.on("open", () =>
            resolve({
              socket,
              frames,
              send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
              next: (fits) =>
                until(() => {
                  for (let i = taken; i < frames.length; i += 1) {
                    if (fits(frames[i]!)) {
                      taken = i + 1
                      return frames[i]
                    }
                  }
                  return undefined
                }),
              closed: until(() => code)
            })
          )
        })
    ),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )

export const has =
  (...parts: ReadonlyArray<string>) =>
  (text: string) =>
    parts.every((part) => text.includes(part))
