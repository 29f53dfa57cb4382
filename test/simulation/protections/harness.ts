/** The program of a bundle: what is to be run is its one argument, what came of it the last line that it prints. */
import { stories } from "./stories.ts"
import type { Task } from "./switchboard.ts"
import { tellStory, trySeeds } from "./run.ts"
import type { TimedVerdict } from "./run.ts"

const task = JSON.parse(process.argv[2] ?? "{}") as Task
const verdict = "seeds" in task ? trySeeds(task.seeds) : tellStory(stories[task.story])
const { system, user } = process.cpuUsage()
const timed: TimedVerdict = { ...verdict, cpuMs: (system + user) / 1000 }
process.stdout.write(`${JSON.stringify(timed)}\n`)
