/** Finding the key that somebody meant. */

/** Levenshtein distance: the fewest insertions, deletions and replacements of one character. */
export const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  let last = b.length
  for (const letter of a) {
    const next: Array<number> = []
    let diagonal = 0
    for (const [j, above] of row.entries()) {
      const replaced = diagonal + (letter === b.charAt(j - 1) ? 0 : 1)
      last = j === 0 ? above + 1 : Math.min(replaced, above + 1, last + 1)
      next.push(last)
      diagonal = above
    }
    row = next
  }
  return last
}

/** The known word nearest to `word`, unless even that is too far off to be what was meant (a third of its letters). */
export const nearest = (word: string, known: ReadonlyArray<string>): string | undefined => {
  const upper = word.toUpperCase()
  const [best] = known
    .map((candidate) => ({ candidate, far: distance(upper, candidate) }))
    .toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= Math.ceil(best.candidate.length / 3) ? best.candidate : undefined
}
