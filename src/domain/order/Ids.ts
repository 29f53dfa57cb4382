/** Identifiers. Ours ride on every order as `cl_ord_id`; the exchange's are opaque texts. */
import { Brand } from "effect"

/** Our id of an order: at most 18 characters, installation prefix plus sequence. */
export type ClientOrderId = string & Brand.Brand<"ClientOrderId">
export const ClientOrderId = Brand.nominal<ClientOrderId>()
/** The exchange's order id (`O…`). */
export type ExchangeOrderId = string & Brand.Brand<"ExchangeOrderId">
export const ExchangeOrderId = Brand.nominal<ExchangeOrderId>()
/** The exchange's id of one execution (`T…`): the key under which a fill is booked once. */
export type ExecutionId = string & Brand.Brand<"ExecutionId">
export const ExecutionId = Brand.nominal<ExecutionId>()
/** A lot is named after the entry order that bought it. */
export type LotId = ClientOrderId
/** Marks every order of this installation: derived from the API key, so that lost books can still be matched. */
export type InstallationPrefix = string & Brand.Brand<"InstallationPrefix">
export const InstallationPrefix = Brand.nominal<InstallationPrefix>()

/** Kraken takes free `cl_ord_id` texts of at most 18 ASCII characters. */
export const MAX_CLIENT_ID_LENGTH = 18

/** The id that follows `last` at market time `now`: prefix + base-36 of max(now, last + 1). */
export const clientOrderId = (prefix: InstallationPrefix, sequence: number): ClientOrderId =>
  ClientOrderId(prefix + Math.floor(sequence).toString(36))

/** The next sequence: milliseconds, or one more than the last, so that an old backup never reuses an id. */
export const nextSequence = (now: number, last: number): number => Math.max(Math.floor(now), last + 1)

/** The sequence inside an id of this installation, or `undefined` for anybody else's. */
export const sequenceOf = (prefix: InstallationPrefix, id: string): number | undefined => {
  if (!id.startsWith(prefix)) return undefined
  const text = id.slice(prefix.length)
  if (!/^[0-9a-z]{1,10}$/.test(text)) return undefined
  return Number.parseInt(text, 36)
}

/** Whether an order on the exchange was placed by this installation. */
export const isOwn = (prefix: InstallationPrefix, id: string | undefined): boolean =>
  id !== undefined && sequenceOf(prefix, id) !== undefined
