/** What a story does to the traffic: acts that wait for a request, and texts that are changed on their way. */
import type { Act } from "./Plan.ts"

type When = Extract<Act, { readonly _tag: "When" }>
type Rewrite = Extract<Act, { readonly _tag: "Rewrite" }>

export class Traffic {
  private waiting: Array<{ readonly when: When; passed: number }> = []
  private rewrites: Array<{ readonly rewrite: Rewrite; done: number }> = []

  wait(when: When): void {
    this.waiting.push({ when, passed: 0 })
  }

  rewrite(rewrite: Rewrite): void {
    this.rewrites.push({ rewrite, done: 0 })
  }

  clear(): void {
    this.waiting = []
    this.rewrites = []
  }

  /** Acts whose request is here; each is given once. */
  due(endpoint: string, side: string | undefined, after: boolean): ReadonlyArray<Act> {
    if (this.waiting.length === 0) return []
    const acts: Array<Act> = []
    this.waiting = this.waiting.filter((one) => {
      const { when } = one
      if (when.endpoint !== endpoint || (when.after ?? false) !== after) return true
      if (when.side !== undefined && when.side !== side) return true
      one.passed += 1
      if (one.passed <= (when.skip ?? 0)) return true
      acts.push(when.act)
      return false
    })
    return acts
  }

  /** The text as it arrives. `what` is an endpoint, or a stream whose frames name their channel. */
  onWay(what: string, text: string): string {
    if (this.rewrites.length === 0) return text
    for (const one of this.rewrites) {
      const { rewrite } = one
      const concerned = rewrite.on === what || text.startsWith(`{"channel":"${rewrite.on}"`)
      if (!concerned || (rewrite.find !== undefined && !text.includes(rewrite.find))) continue
      one.done += 1
      if (one.done >= rewrite.times) this.rewrites = this.rewrites.filter((other) => other !== one)
      return rewrite.find === undefined ? rewrite.put : text.replaceAll(rewrite.find, rewrite.put)
    }
    return text
  }
}
