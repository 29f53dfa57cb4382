/**
 * An append-only sequence that is cheap to extend and keeps every older version valid.
 *
 * All versions of one lineage share one array; a version sees its first `length` items only. Appending to the newest
 * version pushes onto the shared array (O(1), invisible to older versions); appending to an older version copies first,
 * so that two futures of one past never see each other. The array is changed nowhere but here.
 */
export interface Log<A> {
  /** Shared by the versions of a lineage: read the first `length` items, never write. */
  readonly store: Array<A>
  readonly length: number
}

export const empty = <A>(): Log<A> => ({ store: [], length: 0 })

export const fromArray = <A>(items: ReadonlyArray<A>): Log<A> => ({ store: [...items], length: items.length })

export const append = <A>(log: Log<A>, item: A): Log<A> => {
  const store = log.store.length === log.length ? log.store : log.store.slice(0, log.length)
  store.push(item)
  return { store, length: log.length + 1 }
}

/** Appends and forgets the oldest: keeps at least the newest `keep` items, at most twice as many (amortised O(1)). */
export const appendBounded = <A>(log: Log<A>, item: A, keep: number): Log<A> =>
  log.length < keep * 2 ? append(log, item) : fromArray([...log.store.slice(log.length - keep + 1, log.length), item])

/** Items from an index on, oldest first. */
export const from = <A>(log: Log<A>, index: number): ReadonlyArray<A> => log.store.slice(Math.max(0, index), log.length)

/** The newest `count` items, oldest first. */
export const last = <A>(log: Log<A>, count: number): ReadonlyArray<A> => from(log, log.length - count)

/** The item at an index, or nothing past the end of this version. */
export const at = <A>(log: Log<A>, index: number): A | undefined => (index < log.length ? log.store[index] : undefined)

export const newest = <A>(log: Log<A>): A | undefined => at(log, log.length - 1)
