/** `exchange`: the local Kraken as a service of its own. */
import { Effect, Either, Layer } from "effect"
import * as Value from "../domain/settings/values.ts"
import type { ExchangeFile } from "../layers/exchange/settingsFile.ts"
import { databaseIn, readExchangeFile } from "../layers/exchange/settingsFile.ts"
import { StopSignalNode } from "../layers/node/StopSignalNode.ts"
import type { ExchangeOptions } from "../programs/cli/Cli.ts"
import { UsageError } from "../programs/cli/ExitCode.ts"
import { exchange as serve } from "../programs/exchange/exchange.ts"
import type { PaperMarket, SettingsShape } from "../services/Settings.ts"
import { logging, settings } from "./commands.ts"
import { localKrakenService } from "./localKraken.ts"

/** Options of `exchange` over the PAPER_ settings. */
const exchangeSettings = (options: ExchangeOptions, chosen: SettingsShape) =>
  Effect.gen(function* () {
    const { paper, limits } = chosen
    const file: ExchangeFile = options.settings === undefined ? {} : yield* readExchangeFile(options.settings)
    const symbols = file.pairs ?? limits.allowedPairs
    const marketText = options.market ?? file.market
    const data = options.data ?? file.data
    const speed = options.speed ?? file.speed ?? 1
    const read = <A>(name: string, text: string | undefined, reader: Value.Read<A>, otherwise: A) =>
      text === undefined
        ? Effect.succeed(otherwise)
        : Either.mapLeft(
            reader(text),
            ({ wrong, allowed }) => new UsageError({ text: `--${name} ${wrong}; allowed: ${allowed}` })
          )
    const market: PaperMarket =
      marketText === undefined
        ? paper.market
        : marketText === "generated"
          ? { _tag: "Generated" }
          : marketText === "kraken"
            ? { _tag: "Kraken" }
            : { _tag: "Tape", tapes: yield* read("market", marketText, Value.tapes(symbols), []) }
    const { from, to } = paper
    return {
      market,
      seed: options.seed ?? file.seed ?? paper.seed,
      balances: yield* read("balances", options.balances, Value.balances, file.balances ?? paper.balances),
      speed,
      port: options.port === 0 ? (file.port ?? 0) : options.port,
      symbols,
      tier: file.tier ?? chosen.tier,
      // at the machine's pace it keeps the machine's time over a restart, as Kraken does
      keepsTime: speed === 1,
      ...(data === undefined ? {} : { file: yield* databaseIn(data) }),
      ...(file.volatility === undefined ? {} : { volatility: file.volatility }),
      ...(file.latencyMs === undefined ? {} : { latencyMs: file.latencyMs }),
      ...(file.clockShiftMs === undefined ? {} : { clockShiftMs: file.clockShiftMs }),
      ...(file.keys === undefined ? {} : { keys: file.keys }),
      ...(file.faults === undefined ? {} : { armed: file.faults }),
      ...(from === undefined || market._tag !== "Tape" ? {} : { from }),
      ...(to === undefined || market._tag !== "Tape" ? {} : { to })
    }
  })

export const exchange = (options: ExchangeOptions) =>
  Effect.gen(function* () {
    const chosen = yield* settings
    const parts = yield* exchangeSettings(options, chosen)
    yield* serve({ json: options.json, pid: process.pid }).pipe(
      Effect.provide(
        Layer.mergeAll(localKrakenService(chosen, parts), StopSignalNode).pipe(Layer.provideMerge(logging(chosen)))
      )
    )
  })
