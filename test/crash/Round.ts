/** A round: a world, what is done to the trader in it, a graceful stop, and the judge. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Evidence, Judgement } from "./judge.ts"
import { judge } from "./judge.ts"
import { clock } from "./rounds/clock.ts"
import { disk, noLimits } from "./rounds/disk.ts"
import { frozen } from "./rounds/frozen.ts"
import { kills } from "./rounds/kills.ts"
import { outage } from "./rounds/outage.ts"
import { paper, paperView } from "./rounds/paper.ts"
import { twins } from "./rounds/twins.ts"
import { own } from "./view.ts"
import type { View } from "./view.ts"
import { keep, LIMITS, liveWorld, paperWorld } from "./World.ts"
import type { LiveWorld, World } from "./World.ts"

/** The two clocks agree to a second once the streams have told the time a few times. */
const SLACK_MS = 1500

interface Play {
  readonly world: World
  /** What is done, from the first start to the moment before the graceful stop. */
  readonly run: () => Promise<void>
  /** The account after the trader has ended. */
  readonly view: () => Promise<View>
  readonly slackMs: number
}

const live = async (
  name: string,
  seed: number,
  run: (world: LiveWorld) => Promise<void>,
  options: { readonly slackMs?: number; readonly settings?: Readonly<Record<string, string>> } = {}
): Promise<Play> => {
  const world = await liveWorld(name, seed, options.settings)
  return { world, run: () => run(world), slackMs: options.slackMs ?? SLACK_MS, view: world.view }
}

const oneToFour = ({ random }: World): number => 1 + Math.floor(random.next() * 4)

const plays = {
  kills: (seed: number) => live("kills", seed, (world) => kills(world, oneToFour(world), false)),
  faults: (seed: number) => live("faults", seed, (world) => kills(world, oneToFour(world), true)),
  frozen: (seed: number) => live("frozen", seed, frozen),
  twins: (seed: number) => live("twins", seed, twins),
  disk: (seed: number) => live("disk", seed, disk),
  clock: (seed: number) => live("clock", seed, clock, { slackMs: 25_000 }),
  outage: (seed: number) => live("outage", seed, outage),
  paper: async (seed: number) => {
    const world = paperWorld("paper", seed)
    return { world, run: () => paper(world), view: () => paperView(world), slackMs: SLACK_MS }
  }
} satisfies Readonly<Record<string, (seed: number) => Promise<Play>>>

export type Kind = keyof typeof plays
export const kinds = Object.keys(plays) as ReadonlyArray<Kind>

/** Why a kind of round cannot be played on this machine. */
export const skipped = (kind: Kind): string | undefined => (kind === "disk" ? noLimits() : undefined)

export interface Result {
  readonly kind: Kind
  readonly seed: number
  readonly seconds: number
  readonly broken: ReadonlyArray<string>
  readonly judgement: Judgement | undefined
  /** Where what it left is kept, if it is. */
  readonly kept: string | undefined
}

/** The account as the exchange had it in the end, kept beside the books. */
const ACCOUNT = "account.json"

/** What the judge looks at, in the folder of a round that was kept. */
export const evidenceIn = (directory: string, slackMs = SLACK_MS): Evidence => ({
  view: JSON.parse(readFileSync(join(directory, ACCOUNT), "utf8")) as View,
  database: join(directory, "data", "trading.db"),
  limits: LIMITS,
  slackMs
})

/** Stops the trader gracefully and holds its books against the account. */
const conclude = async ({ slackMs, view, world }: Play): Promise<Judgement> => {
  await world.stop()
  const account = await view()
  const open = own(account.open)
  world.expect(open.length === 0, `I19: ${open.length} own orders are open after the stop`)
  world.expect(account.switchAt === undefined, "I19: the dead man's switch is armed after a clean stop")
  writeFileSync(join(world.place.directory, ACCOUNT), JSON.stringify(account))
  return judge(evidenceIn(world.place.directory, slackMs))
}

/** Plays one round to its end. Its folder is removed when all is well, unless it is to be kept. */
export const play = async (kind: Kind, seed: number, keepAlways = false): Promise<Result> => {
  const begun = Date.now()
  const round = await plays[kind](seed)
  const { world } = round
  let judgement: Judgement | undefined
  try {
    await round.run()
    judgement = await conclude(round)
  } catch (cause) {
    world.expect(false, `the round could not go on: ${cause instanceof Error ? cause.message : String(cause)}`)
    // for whoever looks into it; an exchange that is gone tells nothing
    await round.view().then(
      (account) => writeFileSync(join(world.place.directory, ACCOUNT), JSON.stringify(account)),
      () => undefined
    )
  }
  await world.place.end()
  const broken = [...world.broken, ...(judgement?.broken ?? [])]
  const ok = broken.length === 0
  const isKept = !ok || keepAlways
  if (isKept) keep(world, broken)
  else await world.place.clear()
  return {
    kind,
    seed,
    seconds: (Date.now() - begun) / 1000,
    broken,
    judgement,
    kept: isKept ? world.place.directory : undefined
  }
}
