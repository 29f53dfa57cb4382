// Mirrors a book from raw frames and checks each checksum with the checksum code of ccxt itself.
//
// ccxt leaves its own check off: it reads the frames' numbers as doubles, which drops the zeros at their end that Kraken's
// checksum counts. Its functions that make the checksum's text and its CRC32 are given the numbers as they were written.
import assert from "node:assert/strict"

const asTexts = (frame) => JSON.parse(frame.replace(/("(?:price|qty)"):(-?[0-9.eE+-]+)/g, '$1:"$2"'))

const apply = (side, rows, depth, best) => {
  for (const { price, qty } of rows) {
    const at = side.findIndex((level) => Number(level.price) === Number(price))
    if (at >= 0) side.splice(at, 1)
    if (Number(qty) !== 0) side.push({ price, qty })
  }
  side.sort((a, b) => best * (Number(b.price) - Number(a.price)))
  side.splice(depth)
}

/** Resolves when so many checksums in a row were right; rejects at the first that is wrong. */
export const checkBook = (client, WebSocket, url, symbol, depth, wanted) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    const bids = []
    const asks = []
    let right = 0
    const end = (settle, value) => {
      socket.close()
      settle(value)
    }
    socket.on("error", reject)
    socket.on("open", () =>
      socket.send(JSON.stringify({ method: "subscribe", params: { channel: "book", symbol: [symbol], depth } }))
    )
    socket.on("message", (data) => {
      const frame = asTexts(data.toString())
      if (frame.channel !== "book") return
      const [book] = frame.data
      apply(asks, book.asks, depth, -1)
      apply(bids, book.bids, depth, 1)
      const text = [...asks.slice(0, 10), ...bids.slice(0, 10)]
        .map(({ price, qty }) => client.formatNumber(price) + client.formatNumber(qty))
        .join("")
      try {
        assert.equal(asks.length, depth)
        assert.equal(bids.length, depth)
        assert.equal(client.crc32(text, false), book.checksum, `checksum of frame ${right + 1}`)
        right += 1
        if (right === wanted) end(resolve, `${right} checksums`)
      } catch (error) {
        end(reject, error)
      }
    })
  })
