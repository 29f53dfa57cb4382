/** A machine where all is well, until the test says what is not. */
import { Context, Effect, Layer } from "effect"
import type { EpochMs } from "../../domain/Time.ts"
import type { DoctorFactsShape, EnvFileFacts, FolderFacts } from "../../services/DoctorFacts.ts"
import { DoctorFacts } from "../../services/DoctorFacts.ts"

export interface MockFacts {
  readonly folder: FolderFacts
  readonly envFile: EnvFileFacts
  readonly logProblem: string | undefined
  readonly newestBackup: EpochMs | undefined
  readonly webhook: Effect.Effect.Success<DoctorFactsShape["webhook"]>
}

/** A data folder with 5 GiB left, a `.env` that only its owner reads, no webhook, no backup yet. */
export const healthyFacts: MockFacts = {
  folder: { path: "data/mock", exists: true, notWritable: undefined, freeBytes: 5 * 1024 ** 3, remote: undefined },
  envFile: { exists: true, openToOthers: false, gitWouldTakeIt: false },
  logProblem: undefined,
  newestBackup: undefined,
  webhook: "none"
}

export interface MockDoctorFactsControlShape {
  /** Replaces some of the facts. */
  readonly set: (change: Partial<MockFacts>) => Effect.Effect<void>
}

/** Steers `MockDoctorFacts`. */
export class MockDoctorFactsControl extends Context.Tag("trader/layers/mock/MockDoctorFacts/MockDoctorFactsControl")<
  MockDoctorFactsControl,
  MockDoctorFactsControlShape
>() {}

const make = () => {
  let facts = healthyFacts
  return Context.make(DoctorFacts, {
    folder: Effect.sync(() => facts.folder),
    envFile: Effect.sync(() => facts.envFile),
    logProblem: Effect.sync(() => facts.logProblem),
    newestBackup: Effect.sync(() => facts.newestBackup),
    webhook: Effect.sync(() => facts.webhook)
  }).pipe(
    Context.add(MockDoctorFactsControl, {
      set: (change) =>
        Effect.sync(() => {
          facts = { ...facts, ...change }
        })
    })
  )
}

export const MockDoctorFacts: Layer.Layer<DoctorFacts | MockDoctorFactsControl> = Layer.effectContext(Effect.sync(make))
