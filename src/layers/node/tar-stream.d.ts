/** The part of tar-stream 2 that is used. */
declare module "tar-stream" {
  import type { Readable } from "node:stream"
  export interface Pack extends Readable {
    entry(header: { name: string; mode?: number; mtime?: Date }, content: string | Buffer): unknown
    finalize(): void
  }
  export const pack: () => Pack
}
