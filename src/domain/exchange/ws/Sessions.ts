/** Connections: the status frame, requests, the end. */
import * as Ids from "../Ids.ts"
import type { Draft } from "../Draft.ts"
import type { InRecord, OutRecord } from "../Json.ts"
import { isRecord, num, read, write } from "../Json.ts"
import type { Session } from "../State.ts"
import type { Asked } from "./Answer.ts"
import { pong, refuse } from "./Answer.ts"
import { PRIVATE_ELSEWHERE, subscribe, unsubscribe } from "./Subscribe.ts"
import { message } from "./Text.ts"
import { isTrading, trade } from "./Trading.ts"

/** The status frame: first on every connection, and again on every change of mode. */
export const sendStatus = (d: Draft, session: Session): void => {
  const row: OutRecord = {
    version: "2.0.10",
    system: d.state.system,
    api_version: "v2",
    ...(d.state.switches.statusCarriesConnectionId ? { connection_id: num(session.connectionId) } : {}),
    upcoming_maintenance: [],
    emergency: []
  }
  d.frames.push({ session: session.id, text: message("status", "update", [row]), isPrivate: false })
}

export const connect = (d: Draft, id: string, host: Session["host"]): void => {
  d.state.serial += 1
  const session: Session = {
    id,
    host,
    connectionId: Ids.connectionId(d.state.seed, d.state.serial),
    subscriptions: [],
    sentAt: d.state.now
  }
  d.state.sessions = new Map(d.state.sessions).set(id, session)
  sendStatus(d, session)
}

/** Forgets a connection; what is still held back for it is lost, as on any line that breaks. */
export const disconnect = (d: Draft, id: string): void => {
  const sessions = new Map(d.state.sessions)
  sessions.delete(id)
  d.state.sessions = sessions
  d.state.lagged = d.state.lagged.filter((frame) => frame.session !== id)
}

const known: ReadonlySet<string> = new Set(["method", "params", "req_id"])

const noParams: InRecord = new Map()

/** Takes one text frame of a connection's. */
export const receiveText = (d: Draft, id: string, text: string): void => {
  const session = d.state.sessions.get(id)
  if (session === undefined) return
  const frame = read(text)
  const method = isRecord(frame) ? frame.get("method") : undefined
  if (!isRecord(frame) || typeof method !== "string") {
    d.frames.push({ session: id, text: write({ error: "Malformed request", method: "error" }), isPrivate: false })
    return
  }
  const params = frame.get("params")
  const asked: Asked = {
    session: id,
    method,
    reqId: frame.get("req_id"),
    params: isRecord(params) ? params : noParams
  }
  const unknown = [...frame.keys()].find((name) => !known.has(name))
  if (method === "ping" && frame.has("params")) {
    refuse(d, asked, "Unsupported field: 'params' for the given msg type: ping")
  } else if (unknown !== undefined && d.state.switches.unknownParams === "refuse") {
    refuse(d, asked, `Unsupported field: '${unknown}' for the given msg type: ${method}`)
  } else if (method === "ping") pong(d, asked)
  else if (method === "subscribe") subscribe(d, session, asked)
  else if (method === "unsubscribe") unsubscribe(d, session, asked)
  else if (!isTrading(method)) refuse(d, asked, "Unsupported event")
  else if (session.host === "public") refuse(d, asked, PRIVATE_ELSEWHERE)
  else trade(d, asked)
}
