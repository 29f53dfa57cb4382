/** The answer to one request of a session's: `method`, `req_id`, `success`, times. */
import type { Draft } from "../Draft.ts"
import { respond } from "../Draft.ts"
import type { In, InRecord, OutRecord } from "../Json.ts"
import { Num, num, write } from "../Json.ts"
import type { Refusal } from "../Validation.ts"
import { micros } from "./Text.ts"

/** A request as it was read. */
export interface Asked {
  readonly session: string
  readonly method: string
  /** Echoed as it was sent, if it was a number. */
  readonly reqId: In | undefined
  readonly params: InRecord
}

const tail = (d: Draft, asked: Asked): OutRecord => ({
  req_id: asked.reqId instanceof Num ? num(asked.reqId.text) : undefined,
  time_in: micros(d.state.now),
  time_out: micros(d.state.now)
})

/** Answers with success; `fields` stand beside the usual ones (`result`, mostly). */
export const accept = (d: Draft, asked: Asked, fields: OutRecord): void => {
  const { req_id, ...times } = tail(d, asked)
  respond(d, asked.session, write({ method: asked.method, req_id, ...fields, success: true, ...times }))
}

/** Answers with an error; `fields` may overrule (a refused `unsubscribe` is labelled `subscribe`). */
export const refuse = (d: Draft, asked: Asked, error: Refusal, fields: OutRecord = {}): void => {
  const { req_id, ...times } = tail(d, asked)
  respond(d, asked.session, write({ error, method: asked.method, req_id, success: false, ...fields, ...times }))
}

/** Answers a ping: neither `success` nor `result`. */
export const pong = (d: Draft, asked: Asked): void => {
  const { req_id, ...times } = tail(d, asked)
  respond(d, asked.session, write({ method: "pong", req_id, ...times }))
}
