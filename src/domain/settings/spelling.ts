/** Finding the key that somebody meant. */

/**
 * Levenshtein distance: the fewest insertions, deletions and replacements of one character. Once it is clear that they
 * are more than `most` nobody counts on: infinity.
 */
export const distance = (a: string, b: string, most = Number.POSITIVE_INFINITY): number => {
  if (b.length - a.length > most) return Number.POSITIVE_INFINITY
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
    if (next.every((far) => far > most)) return Number.POSITIVE_INFINITY
    row = next
  }
  return last
}

/** The known word nearest to `word` of those that are not too far off to be what was meant (a third of their letters). */
export const nearest = (word: string, known: ReadonlyArray<string>): string | undefined => {
  const upper = word.toUpperCase()
  const [best] = known
    .map((candidate) => ({ candidate, most: Math.ceil(candidate.length / 3) }))
    .map(({ candidate, most }) => ({ candidate, most, far: distance(upper, candidate, most) }))
    .filter(({ far, most }) => far <= most)
    .toSorted((a, b) => a.far - b.far)
  return best?.candidate
}
