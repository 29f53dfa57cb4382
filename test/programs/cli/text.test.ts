import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { count, indent, palette, printable, span, stripCodes, table, wrap } from "../../../src/programs/cli/text.ts"

describe("text for people", () => {
  it("tables line up, colours or not; a > sets a column to the right", () => {
    const p = palette(true)
    const text = table(
      ["name", ">amount", "x"],
      [
        ["a", "1.5", p.bad("red")],
        [p.good("long name"), "10", ""]
      ]
    )
    assert.strictEqual(stripCodes(text), "name       amount  x\na             1.5  red\nlong name      10")
    assert.strictEqual(table(["a", "b"], [["1"]]), "a  b\n1")
  })

  it("without colours nothing is painted", () => {
    const p = palette(false)
    assert.strictEqual(p.bold("a") + p.dim("b") + p.good("c") + p.warn("d") + p.bad("e"), "abcde")
    const c = palette(true)
    assert.strictEqual(stripCodes(c.bold("a") + c.dim("b") + c.good("c") + c.warn("d") + c.bad("e")), "abcde")
  })

  it("texts from outside cannot steer the terminal", () => {
    assert.strictEqual(printable("a\u001B[2Jb\u0007c\u009Bd\ne\u007F é 🙂"), "a [2Jb c d e  é 🙂")
  })

  it("counts, indents and spans read as people say them", () => {
    assert.strictEqual(count(1, "order"), "1 order")
    assert.strictEqual(count(0, "order"), "0 orders")
    assert.strictEqual(indent("a\n\nb"), "  a\n\n  b")
    assert.deepEqual([0.26, 9.99, 10, 119, 120, 7199, 7200, 172_799, 172_800, 90_000 * 3].map(span), [
      "0.3 s",
      "10.0 s",
      "10 s",
      "119 s",
      "2 min",
      "119 min",
      "2 h 0 min",
      "47 h 59 min",
      "2 d 0 h",
      "3 d 3 h"
    ])
  })
})

describe("a line that is too long", () => {
  it("is broken at spaces, moved in under itself, and keeps its colours", () => {
    assert.deepEqual(wrap("short", 10), ["short"])
    assert.deepEqual(wrap("  one two three", 9), ["  one two", "    three"])
    assert.deepEqual(wrap("one two", 3), ["one", " tw", "o"])
    assert.deepEqual(wrap("abcdefgh", 4), ["abcd", "efgh"])
    const p = palette(true)
    const painted = wrap(`${p.bad("one two")} three`, 8)
    assert.deepEqual(painted.map(stripCodes), ["one two", "  three"])
    assert.deepEqual(wrap("", 5), [""])
  })

  it("never is wider than it may be, and loses nothing but spaces", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12 })), fc.integer({ min: 4, max: 40 }), (words, columns) => {
        const line = words.join(" ")
        const lines = wrap(line, columns)
        for (const one of lines) assert.isAtMost(Array.from(stripCodes(one)).length, columns)
        assert.strictEqual(lines.join("").replaceAll(" ", ""), line.replaceAll(" ", ""))
      })
    )
  })
})
