/** What the desk works with, taken once. */
import { Effect } from "effect"
import type { AlertsShape } from "../../services/Alerts.ts"
import { Alerts } from "../../services/Alerts.ts"
import type { MarketClockShape } from "../../services/Clock.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { EngineShape } from "../../services/Engine.ts"
import { Engine } from "../../services/Engine.ts"
import type { KrakenReads, KrakenRestShape } from "../../services/KrakenRest.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import type { KrakenStreamShape } from "../../services/KrakenStream.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"
import type { NonceShape } from "../../services/Nonce.ts"
import { Nonce } from "../../services/Nonce.ts"
import type { StoreShape } from "../../services/Store.ts"
import { Store } from "../../services/Store.ts"
import type { WriterShape } from "../../services/Writer.ts"
import { Writer } from "../../services/Writer.ts"

export interface Deps {
  readonly engine: EngineShape
  readonly rest: KrakenRestShape
  readonly stream: KrakenStreamShape
  readonly store: StoreShape
  readonly writer: WriterShape
  readonly clock: MarketClockShape
  readonly nonce: NonceShape
  readonly alerts: AlertsShape
}

/** What reading and naming orders needs: nothing that could send. */
export interface ReadingDeps extends Pick<Deps, "engine" | "store"> {
  readonly rest: KrakenReads
}

export const deps: Effect.Effect<
  Deps,
  never,
  Engine | KrakenRest | KrakenStream | Store | Writer | MarketClock | Nonce | Alerts
> = Effect.all({
  engine: Engine,
  rest: KrakenRest,
  stream: KrakenStream,
  store: Store,
  writer: Writer,
  clock: MarketClock,
  nonce: Nonce,
  alerts: Alerts
})
