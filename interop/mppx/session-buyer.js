// A buyer by sessions on mppx. ../README.md has its one argument.

import { sessionLegacyManager, sessionManager } from 'mppx/client'
import { privateKeyToAccount } from 'viem/accounts'
import { WebSocket } from 'ws'
import { clientOf } from './chain.js'

const wish = JSON.parse(process.argv[2])
const managers = { v1: sessionLegacyManager, v2: sessionManager }
const escrow = wish.protocol === 'v1' ? { escrowContract: wish.escrow } : { escrow: wish.escrow }
const session = managers[wish.protocol]({
  account: privateKeyToAccount(wish.key),
  client: clientOf(wish.rpc),
  maxDeposit: '1',
  webSocket: WebSocket,
  ...escrow,
})

const ways = {
  /** One request after the other. */
  async plain() {
    const bodies = []
    for (let at = 0; at < wish.count; at++) {
      const response = await session.fetch(wish.url)
      const body = await response.text()
      if (!response.ok) throw new Error(`${response.status}: ${body}`)
      bodies.push(body)
    }
    return bodies
  },

  async sse() {
    const words = []
    for await (const word of await session.sse(wish.url)) words.push(word)
    return words
  },

  async ws() {
    const socket = await session.ws(wish.url.replace('http', 'ws'))
    const words = []
    await new Promise((resolve) => {
      socket.addEventListener('message', ({ data }) => words.push(data))
      socket.addEventListener('close', resolve)
    })
    return words
  },
}

const delivered = await ways[wish.way]()
const receipt = await session.close()
console.log(JSON.stringify({ delivered, receipt }))
process.exit(0)
