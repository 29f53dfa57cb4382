/** The least that a client can do: a socket, a parse, a signature, a request over a kept-alive connection. Nothing is checked or kept. */
import * as http from "node:http"
import type { Ready } from "../exchange/messages.ts"
import { TICK_BID } from "../exchange/messages.ts"
import type { Client } from "./Client.ts"
import { QUANTITY, watchTicker } from "./Client.ts"
import { sign } from "./signing.ts"

const PATH = "/0/private/AddOrder"

export const startBare = async (ready: Ready): Promise<Client> => {
  const { hostname, port } = new URL(ready.restUrl)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1, noDelay: true })
  const secret = Buffer.from(ready.apiSecret, "base64")
  let nonce = Date.now() * 1000

  const send = (): void => {
    nonce += 1
    const body = `nonce=${nonce}&ordertype=limit&type=buy&pair=XLMUSD&price=${TICK_BID}&volume=${QUANTITY}&oflags=post`
    const request = http.request(
      {
        agent,
        hostname,
        port,
        path: PATH,
        method: "POST",
        headers: {
          "API-Key": ready.apiKey,
          "API-Sign": sign(secret, PATH, String(nonce), body),
          "Content-Type": "application/x-www-form-urlencoded",
          "Content-Length": body.length
        }
      },
      (response) => {
        let text = ""
        response.on("data", (part: Buffer) => (text += part.toString()))
        response.once("end", () => {
          if (!text.startsWith('{"error":[]')) console.error(`the bare client's order was refused: ${text}`)
        })
      }
    )
    request.once("error", (error) => console.error(`the bare client's order failed: ${error.message}`))
    request.end(body)
  }

  const socket = await watchTicker(ready.wsUrl, send)
  return {
    close: async () => {
      socket.terminate()
      agent.destroy()
    }
  }
}
