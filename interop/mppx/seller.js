// A seller on mppx's server for node's http. ../README.md has its one argument and what it sells.

import { createServer } from 'node:http'
import { evm, Mppx, Store, tempo } from 'mppx/server'
import { privateKeyToAccount } from 'viem/accounts'
import { clientOf, settler } from './chain.js'

const terms = JSON.parse(process.argv[2])
const client = clientOf(terms.rpc)
const sponsor = privateKeyToAccount(terms.sponsor)
const shared = { currency: terms.currency, recipient: terms.recipient, getClient: () => client, store: Store.memory() }

/** A seller by this method, with the realm and secret of all. */
function selling(method) {
  return Mppx.create({ methods: [method], realm: terms.realm, secretKey: terms.secret })
}

const plain = selling(tempo.charge(shared))
const sponsoring = selling(tempo.charge({ ...shared, feePayer: sponsor }))
const { token, chain, name, version } = terms.evm
const settling = selling(
  evm.charge({
    currency: token,
    chainId: chain,
    decimals: 6,
    authorization: { name, version },
    recipient: terms.recipient,
    settle: settler(terms.evm, sponsor),
  }),
)
const splits = [{ amount: '0.02', recipient: terms.second }]

const offers = {
  '/charge': plain.charge({ amount: '0.01', supportedModes: ['pull'] }),
  '/push': plain.charge({ amount: '0.02', supportedModes: ['push'] }),
  '/sponsored': sponsoring.charge({ amount: '0.03', supportedModes: ['pull'] }),
  '/proof': plain.charge({ amount: '0' }),
  '/splits': plain.charge({ amount: '0.05', splits, supportedModes: ['pull'] }),
  '/authorization': settling.charge({ amount: '0.04' }),
}

const [host, port] = terms.listen.split(':')
createServer(async (request, response) => {
  const offer = offers[request.url]
  if (!offer) return response.writeHead(404).end()
  const result = await Mppx.toNodeListener(offer)(request, response)
  if (result.status !== 402) response.end('sold')
}).listen(Number(port), host)
