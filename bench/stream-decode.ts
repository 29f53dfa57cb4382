/** How many stream messages a second the decoders read on one core, every field checked. */
import { decodePrivate } from "../src/domain/kraken/stream/Private.ts"
import { emptyMemory } from "../src/domain/kraken/stream/OrderMemory.ts"
import { decodePublic } from "../src/domain/kraken/stream/Public.ts"
import { median } from "./stats.ts"

const ticker =
  '{"channel":"ticker","type":"update","data":[{"symbol":"XLM/USD","bid":0.163688,"bid_qty":929.00000000,"ask":0.163757,"ask_qty":12318.00000000,"last":0.163700,"volume":9381011.33090044,"vwap":0.164298,"low":0.153772,"high":0.169249,"change":0.001113,"change_pct":0.68,"timestamp":"2026-02-26T10:00:00.123456Z"}]}'
const fill =
  '{"channel":"executions","type":"update","data":[{"order_id":"OABCDE-FGHIJ-KLMNOP","exec_id":"TABCDE-FGHIJ-KLMNOP","exec_type":"trade","trade_id":7654322,"symbol":"XLM/USD","side":"buy","last_qty":25.00000000,"last_price":0.150000,"liquidity_ind":"m","cost":3.75000000,"order_type":"limit","timestamp":"2026-01-05T10:00:09.000001Z","order_status":"partially_filled","cum_qty":25.00000000,"cum_cost":3.75000000,"avg_price":0.150000,"fee_usd_equiv":0.00937500,"fees":[{"asset":"USD","qty":0.00937500}]}],"sequence":4}'

const COUNT = 200_000
const SERIES = 7

/** Messages a second: the median of seven series, after a warm-up. */
const perSecond = (read: () => unknown): number => {
  for (let i = 0; i < COUNT / 4; i++) read()
  const seconds = Array.from({ length: SERIES }, () => {
    const start = process.hrtime.bigint()
    for (let i = 0; i < COUNT; i++) read()
    return Number(process.hrtime.bigint() - start) / 1e9
  })
  return COUNT / median(seconds)
}

export interface DecodeResult {
  readonly ticker: number
  readonly heartbeat: number
  readonly fill: number
}

export const measureDecode = (): DecodeResult => ({
  ticker: perSecond(() => decodePublic(ticker, 0)),
  heartbeat: perSecond(() => decodePublic('{"channel":"heartbeat"}', 0)),
  fill: perSecond(() => decodePrivate(fill, emptyMemory))
})
