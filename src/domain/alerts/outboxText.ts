/** The outbox as texts by key, so that a store keeps what changed and nothing else. */
import { Either, Schema } from "effect"
import type { Outbox } from "./Outbox.ts"
import { empty } from "./Outbox.ts"

const AlertText = Schema.Struct({
  at: Schema.Finite,
  severity: Schema.Literal("info", "warning", "critical"),
  kind: Schema.String,
  text: Schema.String,
  data: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Finite) }), {
    exact: true
  }),
  once: Schema.optionalWith(Schema.String, { exact: true })
})
const WaitingText = Schema.parseJson(
  Schema.Struct({
    id: Schema.Int,
    alert: AlertText,
    queuedAt: Schema.Finite,
    repeats: Schema.Int,
    refusals: Schema.Int,
    notBefore: Schema.Finite
  })
)
const WindowText = Schema.parseJson(
  Schema.Struct({
    until: Schema.Finite,
    length: Schema.Finite,
    held: Schema.Int,
    newest: Schema.UndefinedOr(AlertText).pipe(Schema.optional)
  })
)
const decodeWaiting = Schema.decodeEither(WaitingText)
const decodeWindow = Schema.decodeEither(WindowText)

const WAITING = "waiting "
const WINDOW = "window "
const OCCASION = "occasion "
const DROPPED = "dropped"
const NEXT = "next"

/** Entries whose value is not the very same as before: values are never changed in place. */
const changed = <K, V>(
  prefix: string,
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
  show: (value: V) => string
): Difference => ({
  put: [...after].flatMap(([key, value]) =>
    before.get(key) === value ? [] : [[`${prefix}${String(key)}`, show(value)] as const]
  ),
  gone: [...before.keys()].flatMap((key) => (after.has(key) ? [] : [`${prefix}${String(key)}`]))
})

export interface Difference {
  readonly put: ReadonlyArray<readonly [key: string, text: string]>
  readonly gone: ReadonlyArray<string>
}

/** What a store that holds `before` as texts must change to hold `after`. A store that holds nothing: `before` is empty. */
export const difference = (before: Outbox, after: Outbox): Difference => {
  const parts = [
    changed(WAITING, before.waiting, after.waiting, JSON.stringify),
    changed(WINDOW, before.windows, after.windows, JSON.stringify),
    changed(OCCASION, before.occasions, after.occasions, String)
  ]
  return {
    put: [
      ...parts.flatMap(({ put }) => put),
      ...(before.dropped === after.dropped ? [] : [[DROPPED, String(after.dropped)] as const]),
      ...(before.nextId === after.nextId ? [] : [[NEXT, String(after.nextId)] as const])
    ],
    gone: parts.flatMap(({ gone }) => gone)
  }
}

const whole = (text: string | undefined): number => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0)

/** Reads it back; a part that cannot be read counts as dropped. */
export const fromTexts = (texts: ReadonlyMap<string, string>): Outbox => {
  const waiting: Array<readonly [number, typeof WaitingText.Type]> = []
  const windows = new Map(empty.windows)
  const occasions = new Map(empty.occasions)
  let dropped = whole(texts.get(DROPPED))
  for (const [key, text] of texts) {
    if (key.startsWith(WAITING)) {
      const read = decodeWaiting(text)
      if (Either.isRight(read)) waiting.push([read.right.id, read.right])
      else dropped += 1
    } else if (key.startsWith(WINDOW)) {
      const read = decodeWindow(text)
      if (Either.isRight(read)) windows.set(key.slice(WINDOW.length), { ...read.right, newest: read.right.newest })
    } else if (key.startsWith(OCCASION)) occasions.set(key.slice(OCCASION.length), whole(text))
  }
  // in the order in which they were sent
  waiting.sort(([a], [b]) => a - b)
  const last = waiting.at(-1)?.[0] ?? 0
  return { nextId: Math.max(whole(texts.get(NEXT)), last + 1), waiting: new Map(waiting), windows, occasions, dropped }
}
