/** A client of the bench's that buys when the price is the one to act on. */
import { WebSocket } from "ws"
import { TICK_BID } from "../exchange/messages.ts"

export const SYMBOL = "XLM/USD"
/** What every client buys: what ten dollars pay for. */
export const QUANTITY = 99

export interface Client {
  readonly close: () => Promise<void>
}

const isBid = (data: unknown, bid: number): boolean => {
  const { channel, data: rows } = data as { readonly channel?: string; readonly data?: ReadonlyArray<{ bid: number }> }
  return channel === "ticker" && rows?.[0]?.bid === bid
}

/** Watches the ticker on a plain socket and acts once for each time that the bid becomes the one to act on. */
export const watchTicker = (url: string, act: () => void): Promise<WebSocket> =>
  new Promise((done, refuse) => {
    const bid = Number(TICK_BID)
    const socket = new WebSocket(url, { perMessageDeflate: false })
    let acted = false
    socket.once("error", refuse)
    socket.once("open", () => {
      const params = { channel: "ticker", symbol: [SYMBOL], event_trigger: "bbo" }
      socket.send(JSON.stringify({ method: "subscribe", params, req_id: 1 }))
    })
    socket.on("message", (raw) => {
      const frame: unknown = JSON.parse((raw as Buffer).toString("utf8"))
      if (isBid(frame, bid)) {
        if (!acted) act()
        acted = true
        return
      }
      const { channel, method } = frame as { readonly channel?: string; readonly method?: string }
      if (channel === "ticker") acted = false
      if (method === "subscribe") done(socket)
    })
  })
