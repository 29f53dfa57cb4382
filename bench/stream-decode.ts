/** How many stream messages a second the decoders read: `node bench/stream-decode.ts` (after a build, or with type stripping). */
import { decodePrivate } from "../src/domain/kraken/stream/Private.ts"
import { emptyMemory } from "../src/domain/kraken/stream/OrderMemory.ts"
import { decodePublic } from "../src/domain/kraken/stream/Public.ts"

const ticker =
  '{"channel":"ticker","type":"update","data":[{"symbol":"XLM/USD","bid":0.163688,"bid_qty":929.00000000,"ask":0.163757,"ask_qty":12318.00000000,"last":0.163700,"volume":9381011.33090044,"vwap":0.164298,"low":0.153772,"high":0.169249,"change":0.001113,"change_pct":0.68,"timestamp":"2026-02-26T10:00:00.123456Z"}]}'
const fill =
  '{"channel":"executions","type":"update","data":[{"order_id":"OABCDE-FGHIJ-KLMNOP","exec_id":"TABCDE-FGHIJ-KLMNOP","exec_type":"trade","trade_id":7654322,"symbol":"XLM/USD","side":"buy","last_qty":25.00000000,"last_price":0.150000,"liquidity_ind":"m","cost":3.75000000,"order_type":"limit","timestamp":"2026-01-05T10:00:09.000001Z","order_status":"partially_filled","cum_qty":25.00000000,"cum_cost":3.75000000,"avg_price":0.150000,"fee_usd_equiv":0.00937500,"fees":[{"asset":"USD","qty":0.00937500}]}],"sequence":4}'

const measure = (name: string, read: () => unknown): void => {
  const count = 200_000
  for (let i = 0; i < count / 4; i++) read()
  const samples = Array.from({ length: 7 }, () => {
    const start = process.hrtime.bigint()
    for (let i = 0; i < count; i++) read()
    return Number(process.hrtime.bigint() - start) / count
  }).toSorted((a, b) => a - b)
  const nanos = samples[3] ?? Number.NaN
  console.log(
    `${name}: ${(nanos / 1000).toFixed(2)} µs a message, ${Math.round(1e9 / nanos).toLocaleString("en")} a second`
  )
}

measure("ticker", () => decodePublic(ticker, 0))
measure("heartbeat", () => decodePublic('{"channel":"heartbeat"}', 0))
measure("fill", () => decodePrivate(fill, emptyMemory))
