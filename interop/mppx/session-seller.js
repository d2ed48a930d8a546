// A seller by sessions on mppx's server, over plain requests, SSE and WebSocket. ../README.md has its one argument and
// what it sells.

import { createServer } from 'node:http'
import { Mppx, NodeListener, Request as NodeRequest, Store, tempo } from 'mppx/server'
import { privateKeyToAccount } from 'viem/accounts'
import { WebSocketServer } from 'ws'
import { clientOf } from './chain.js'

const terms = JSON.parse(process.argv[2])
const client = clientOf(terms.rpc)
const shared = {
  account: privateKeyToAccount(terms.payee),
  chainId: terms.chain,
  currency: terms.currency,
  escrowContract: terms.escrow,
  getClient: () => client,
}

/** Sells by sessions in a store of its own. */
function selling(more) {
  const method = tempo.session({ ...shared, store: Store.memory(), ...more })
  return Mppx.create({ methods: [method], realm: terms.realm, secretKey: terms.secret }).session
}

const requests = selling({})
const sponsored = selling({ feePayer: true })
const words = selling({ sse: true })
const sockets = selling({})

/** What a stream delivers, a unit each. */
async function* stream() {
  yield* terms.words
}

const request = { amount: '0.001', unitType: 'request', suggestedDeposit: '0.01' }
const word = { amount: '0.0005', unitType: 'word', suggestedDeposit: '0.01' }
const offers = {
  '/plain': { route: requests(request), goods: () => new Response('sold') },
  '/short': { route: requests({ ...request, suggestedDeposit: '0.002' }), goods: () => new Response('sold') },
  '/sponsored': { route: sponsored({ ...request, suggestedDeposit: '0.002' }), goods: () => new Response('sold') },
  '/sse': { route: words(word), goods: stream },
  '/ws': { route: sockets(word), goods: () => new Response('upgrade') },
}

async function sell(asked) {
  const offer = offers[new URL(asked.url).pathname]
  if (!offer) return new Response(null, { status: 404 })
  const result = await offer.route(asked)
  if (result.status === 402) return result.challenge
  return managed(result) ?? result.withReceipt(offer.goods())
}

/** The answer to a credential that buys nothing. */
function managed(result) {
  try {
    return result.withReceipt()
  } catch {
    return undefined
  }
}

const [host, port] = terms.listen.split(':')
const server = createServer(NodeRequest.toNodeListener(sell)).listen(Number(port), host)

const upgrades = new WebSocketServer({ server, path: '/ws' })
upgrades.on('connection', (socket) => {
  const route = offers['/ws'].route
  sockets.serveWebSocket({ socket, route, url: `ws://${terms.listen}/ws`, generate: stream(), amount: '500' })
})
