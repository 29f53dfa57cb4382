/**
 * The price process of the generated market: quiet, trending and violent stretches, and around them excursions that
 * come back.
 *
 *   log(price / anchor) = slow + fast + excursion
 *
 * `slow` is an Ornstein-Uhlenbeck process of 1.2 % a day that returns to the anchor over a month, with a drift of
 * 0.3 to 0.9 % an hour while the market trends; `fast` is one that returns within a quarter of an hour; an excursion is
 * pushed 1.2 to 2.8 % away within some four minutes and fades over twelve, except that one in seven stays (it becomes part
 * of `slow`), so that buying every dip is not safe. Excursions come eight times a day in quiet markets, six in trending and sixty
 * in violent ones. Both Ornstein-Uhlenbeck steps are exact for any length (Gillespie 1996), so a step may be seconds or hours.
 *
 * Doubles throughout: these are the outside world's prices, not anybody's money.
 */
import type { Random } from "./Random.ts"

export type Regime = "quiet" | "trending" | "violent"

export interface ModelState {
  readonly slow: number
  readonly fast: number
  readonly excursion: number
  /** Where the excursion is pulled to. */
  readonly target: number
  readonly stage: "none" | "push" | "fade"
  /** Minutes left of the push. */
  readonly pushLeft: number
  /** Minutes until the next excursion may begin. */
  readonly wait: number
  readonly regime: Regime
  readonly regimeLeft: number
  /** Log return a minute. */
  readonly drift: number
}

interface Character {
  /** Deviation of `fast` that one minute adds. */
  readonly jitter: number
  readonly excursionsPerDay: number
  /** Excursions are larger by this factor. */
  readonly reach: number
  readonly meanMinutes: number
  /** Spread as a share of the price: from, to. */
  readonly spread: readonly [number, number]
  readonly activity: number
}

export const characters: Readonly<Record<Regime, Character>> = {
  quiet: { jitter: 0.0005, excursionsPerDay: 8, reach: 1, meanMinutes: 240, spread: [0.0006, 0.001], activity: 1 },
  trending: { jitter: 0.0007, excursionsPerDay: 6, reach: 1, meanMinutes: 90, spread: [0.0006, 0.0012], activity: 1.5 },
  violent: { jitter: 0.002, excursionsPerDay: 60, reach: 1.5, meanMinutes: 20, spread: [0.001, 0.0015], activity: 5 }
}

const SLOW_SIGMA = 0.000_316
const SLOW_TAU = 43_200
const FAST_TAU = 15
const PUSH_TAU = 1.5
const PUSH_MINUTES = 4
const FADE_TAU = 12
/** Below this an excursion is over. */
const FADED = 0.0005
const STAYS = 1 / 7
const MINUTES_PER_DAY = 1440

export const resting: ModelState = {
  slow: 0,
  fast: 0,
  excursion: 0,
  target: 0,
  stage: "none",
  pushLeft: 0,
  wait: 60,
  regime: "quiet",
  regimeLeft: 240,
  drift: 0
}

/**
 * How the market opens for whoever joins: where it was, quiet for at least half an hour, and within about four minutes of a
 * dip, so that a first run has something to show.
 */
export const opening = (state: ModelState, random: Random): ModelState => ({
  ...state,
  slow: state.slow + state.excursion,
  excursion: 0,
  target: -random.between(0.024, 0.03),
  stage: "none",
  wait: random.between(2.5, 4),
  regime: "quiet",
  regimeLeft: 30 + random.wait(characters.quiet.meanMinutes),
  drift: 0
})

/** Price over anchor. */
export const level = (state: ModelState): number => Math.exp(state.slow + state.fast + state.excursion)

const nextRegime = (from: Regime, random: Random): Regime => {
  const coin = random.next()
  if (from === "quiet") return coin < 0.7 ? "trending" : "violent"
  if (from === "trending") return coin < 0.6 ? "quiet" : "violent"
  return "quiet"
}

const changeRegime = (state: ModelState, random: Random): ModelState => {
  if (state.regimeLeft > 0) return state
  const regime = nextRegime(state.regime, random)
  const pace = random.between(0.003, 0.009) / 60
  return {
    ...state,
    regime,
    regimeLeft: random.wait(characters[regime].meanMinutes),
    drift: regime === "trending" ? (random.next() < 0.5 ? -pace : pace) : 0
  }
}

/** Begins, turns or ends an excursion when its time has come. */
const moveExcursion = (state: ModelState, random: Random): ModelState => {
  const { excursionsPerDay, reach } = characters[state.regime]
  if (state.stage === "push") {
    if (state.pushLeft > 0) return state
    return random.next() < STAYS
      ? { ...state, slow: state.slow + state.excursion, excursion: 0, target: 0, stage: "none" }
      : { ...state, target: 0, stage: "fade" }
  }
  if (state.stage === "fade") {
    return Math.abs(state.excursion) > FADED ? state : { ...state, stage: "none" }
  }
  if (state.wait > 0) return state
  const size = random.between(0.012, 0.028) * reach
  const fresh = random.next() < 0.45 ? size : -size
  return {
    ...state,
    // The opening has chosen its first excursion already.
    target: state.target === 0 ? fresh : state.target,
    stage: "push",
    pushLeft: PUSH_MINUTES,
    wait: random.wait(MINUTES_PER_DAY / excursionsPerDay)
  }
}

/** One step of so many minutes. */
export const step = (before: ModelState, minutes: number, random: Random): ModelState => {
  const state = moveExcursion(changeRegime(before, random), random)
  const slowKept = Math.exp(-minutes / SLOW_TAU)
  const fastKept = Math.exp(-minutes / FAST_TAU)
  const jitter = characters[state.regime].jitter * Math.sqrt((FAST_TAU / 2) * (1 - fastKept * fastKept))
  const pull = state.stage === "none" ? 0 : 1 - Math.exp(-minutes / (state.stage === "push" ? PUSH_TAU : FADE_TAU))
  return {
    ...state,
    slow: state.slow * slowKept + state.drift * minutes + SLOW_SIGMA * Math.sqrt(minutes) * random.normal(),
    fast: state.fast * fastKept + jitter * random.normal(),
    excursion: state.excursion + (state.target - state.excursion) * pull,
    pushLeft: state.pushLeft - minutes,
    wait: state.wait - minutes,
    regimeLeft: state.regimeLeft - minutes
  }
}
