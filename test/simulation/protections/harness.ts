/** The program of a bundle: what is to be run is its one argument, what came of it the last line that it prints. */
import { stories } from "./stories.ts"
import type { Task } from "./switchboard.ts"
import { tellStory, trySeeds } from "./run.ts"

const task = JSON.parse(process.argv[2] ?? "{}") as Task
const verdict = "seeds" in task ? trySeeds(task.seeds) : tellStory(stories[task.story])
process.stdout.write(`${JSON.stringify(verdict)}\n`)
