/**
 * A strict reader of Prometheus' text format 0.0.4: what a scraper would forgive is an error here.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { assert } from "vitest"

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: Array<{
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
  }>
}

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/gy
const suffixes: Readonly<Record<string, ReadonlyArray<string>>> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
  gauge: [""],
  counter: [""]
}

const numberOf = (text: string): number => {
  if (/^[+-]Inf$/.test(text)) return text === "+Inf" ? Infinity : -Infinity
  assert.match(text, /^(NaN|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?)$/)
  return Number(text)
}

const labelsOf = (text: string): Readonly<Record<string, string>> => {
  const found: Record<string, string> = {}
  let end = 0
  for (const [all, name = "", value = ""] of text.matchAll(LABEL)) {
    assert.notProperty(found, name)
    found[name] = value.replaceAll("\\n", "\n").replaceAll('\\"', '"').replaceAll("\\\\", "\\")
    end += all.length
  }
  assert.strictEqual(end, text.length, `labels ${text}`)
  return found
}

/** Families in order; throws what is wrong. */
export const readExposition = (text: string): ReadonlyArray<Family> => {
  assert.isTrue(text.endsWith("\n"), "the last line ends")
  const families: Array<Family> = []
  const seen = new Set<string>()
  let help: { readonly name: string; readonly text: string } | undefined
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment?.[1] === "HELP") {
      help = { name: comment[2] ?? "", text: comment[3] ?? "" }
      continue
    }
    if (comment?.[1] === "TYPE") {
      const name = comment[2] ?? ""
      assert.strictEqual(help?.name, name, "HELP comes before TYPE")
      assert.isFalse(
        families.some((family) => family.name === name),
        `${name} is one family`
      )
      assert.property(suffixes, comment[3] ?? "")
      families.push({ name, type: comment[3] ?? "", help: help?.text ?? "", samples: [] })
      continue
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    assert.isNotNull(sample, `line ${line}`)
    const [, name = "", labels = "", value = ""] = sample ?? []
    const family = families.at(-1)
    assert.isDefined(family, `${name} has a family`)
    if (family === undefined) continue
    assert.include(
      (suffixes[family.type] ?? []).map((suffix) => `${family.name}${suffix}`),
      name
    )
    const key = `${name}{${labels}}`
    assert.isFalse(seen.has(key), `${key} is there once`)
    seen.add(key)
    family.samples.push({ name, labels: labelsOf(labels), value: numberOf(value) })
  }
  for (const family of families) {
    assert.isNotEmpty(family.samples, family.name)
    if (family.type === "histogram") checkHistogram(family)
  }
  return families
}

/** Buckets rise with their bounds, end with +Inf, and that is the count. */
const checkHistogram = ({ name, samples }: Family): void => {
  const series = new Map<string, Array<readonly [number, number]>>()
  const counts = new Map<string, number>()
  for (const sample of samples) {
    const { le, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    if (sample.name === `${name}_count`) counts.set(key, sample.value)
    if (sample.name === `${name}_bucket`)
      series.set(key, [...(series.get(key) ?? []), [numberOf(le ?? ""), sample.value]])
  }
  assert.deepStrictEqual([...series.keys()].toSorted(), [...counts.keys()].toSorted())
  for (const [key, buckets] of series) {
    for (const [n, [bound, count]] of buckets.entries()) {
      assert.isAbove(bound, buckets[n - 1]?.[0] ?? -Infinity)
      assert.isAtLeast(count, buckets[n - 1]?.[1] ?? 0)
    }
    assert.deepStrictEqual(buckets.at(-1), [Infinity, counts.get(key) ?? NaN])
  }
}
