import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { statement } from "../../../src/domain/portfolio/Statement.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import { csv } from "../../../src/programs/orders/csv.ts"
import { trades } from "../../../src/programs/orders/lists.ts"
import { entry, exit, fill, id, NOON, p, q, share } from "../../support/build.ts"
import { Screen, world } from "../cli/support.ts"

const executed = [
  { order: entry({ id: id("kt1a") }), fill: fill("T1", "100") },
  { order: entry({ id: id("kt1b") }), fill: fill("T2", "20", { at: NOON + 6 }) },
  {
    order: exit([share("kt1a", "100")]),
    fill: fill("T3", "100", { side: "sell", price: p("0.11"), at: NOON + 90_000, liquidity: "taker" })
  }
]

describe("trades --csv", () => {
  it.effect("a row an execution, by RFC 4180, with what a tax return asks for", () =>
    Effect.gen(function* () {
      yield* Effect.flatMap(MockRecordsControl, (control) => control.set({ fills: executed }))
      yield* trades({ open: false, json: false, csv: true })
      const { out } = yield* Screen
      assert.strictEqual(
        out(),
        [
          "time_utc,type,pair,asset,quantity,price_usd,amount_usd,fee,fee_currency,fee_usd,acquired_utc,disposed_utc,cost_basis_usd,proceeds_usd,gain_usd,liquidity,lot,lot_held,order_id,exchange_order_id,execution_id",
          "2024-03-10T12:00:00.005Z,buy,XLM/USD,XLM,100,0.1,10,0.025,USD,0.025,2024-03-10T12:00:00.005Z,,10.025,,,maker,kt1a,0,kt1a,OAAAAA,T1",
          "2024-03-10T12:00:00.006Z,buy,XLM/USD,XLM,20,0.1,2,0.005,USD,0.005,2024-03-10T12:00:00.006Z,,2.005,,,maker,kt1b,20,kt1b,OAAAAA,T2",
          "2024-03-10T12:01:30.000Z,sell,XLM/USD,XLM,100,0.11,11,0.0275,USD,0.0275,2024-03-10T12:00:00.005Z,2024-03-10T12:01:30.000Z,10.025,10.9725,0.9475,taker,kt1a,0,kt1x,OAAAAA,T3",
          ""
        ].join("\r\n")
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("fees in coins: less was bought, more was given away, and every dollar is in its row", () =>
    Effect.gen(function* () {
      const inCoins = (fee: string) => ({ fee: q(fee), feeAsset: "XLM" })
      const fills = [
        { order: entry({ id: id("kt1a") }), fill: fill("T1", "100", inCoins("0.25")) },
        { order: entry({ id: id("kt1b") }), fill: fill("T2", "40", { at: NOON + 6, ...inCoins("0.1") }) },
        {
          // all of the first lot and half of the second: 119.4 sold and 0.3 for the fee
          order: exit([share("kt1a", "99.75"), share("kt1b", "19.95")]),
          fill: fill("T3", "119.4", { side: "sell", price: p("0.11"), at: NOON + 90_000, ...inCoins("0.3") })
        }
      ]
      yield* Effect.flatMap(MockRecordsControl, (control) => control.set({ fills }))
      yield* trades({ open: false, json: false, csv: true })
      const { out } = yield* Screen
      const [, ...lines] = out().split("\r\n")
      assert.deepEqual(lines, [
        // 10 USD and 4 USD left the account, and all of it is cost
        "2024-03-10T12:00:00.005Z,buy,XLM/USD,XLM,99.75,0.1,9.975,0.25,XLM,0.025,2024-03-10T12:00:00.005Z,,10,,,maker,kt1a,0,kt1a,OAAAAA,T1",
        "2024-03-10T12:00:00.006Z,buy,XLM/USD,XLM,39.9,0.1,3.99,0.1,XLM,0.01,2024-03-10T12:00:00.006Z,,4,,,maker,kt1b,19.95,kt1b,OAAAAA,T2",
        // 119.4 at 0.11 came in: 13.134 USD, five sixths of it for the first lot
        "2024-03-10T12:01:30.000Z,sell,XLM/USD,XLM,99.75,0.11,10.9725,0.25,XLM,0.0275,2024-03-10T12:00:00.005Z,2024-03-10T12:01:30.000Z,10,10.945,0.945,maker,kt1a,0,kt1x,OAAAAA,T3",
        "2024-03-10T12:01:30.000Z,sell,XLM/USD,XLM,19.95,0.11,2.1945,0.05,XLM,0.0055,2024-03-10T12:00:00.006Z,2024-03-10T12:01:30.000Z,2,2.189,0.189,maker,kt1b,19.95,kt1x,OAAAAA,T3",
        ""
      ])
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "--open keeps what is held; without a database there is the header alone; --json beside it is refused",
    () =>
      Effect.gen(function* () {
        const control = yield* MockRecordsControl
        const { out } = yield* Screen
        yield* control.set({ fills: executed })
        yield* trades({ open: true, json: false, csv: true })
        assert.deepEqual(
          out()
            .split("\r\n")
            .map((line) => line.split(",").at(-1)),
          ["execution_id", "T2", ""]
        )
        yield* control.set({ exists: false })
        yield* trades({ open: false, json: false, csv: true })
        assert.isTrue(out().endsWith("execution_id\r\n"))
        const exit = yield* Effect.exit(trades({ open: false, json: true, csv: true }))
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(exitCodeOf(exit), 64)
      }).pipe(Effect.provide(world()))
  )

  it("a sale that no lot covers has empty fields; commas, quotes and line ends are quoted", () => {
    const [order] = executed
    assert.isDefined(order)
    const rows = statement([{ order: exit([]), fill: fill("T9", "1", { side: "sell", feeAsset: 'odd,"asset"\n' }) }])
    const [, line] = csv(rows).split("\r\n")
    assert.include(line, '"odd,""asset""\n"')
    assert.match(line ?? "", /,,,kt1x,OAAAAA,T9$/)
  })
})
