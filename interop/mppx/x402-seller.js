// A seller on mppx that takes evm/charge and x402 for the same offer, settled by an x402 facilitator. ../README.md has
// its one argument and what it sells.

import { createServer } from 'node:http'
import { evm, Mppx } from 'mppx/server'

const terms = JSON.parse(process.argv[2])
const { chain, token, name, version } = terms.evm
const charge = evm.charge({
  currency: token,
  chainId: chain,
  decimals: 6,
  authorization: { name, version },
  recipient: terms.recipient,
  x402: { facilitator: terms.facilitator },
})
const both = Mppx.create({ methods: [charge], realm: terms.realm, secretKey: terms.secret }).charge({ amount: '0.01' })

/** The same without its challenge, so that only x402 is left to choose. */
async function alone(request) {
  const result = await both(request)
  result.challenge?.headers.delete('www-authenticate')
  return result
}

const offers = { '/exact': both, '/alone': alone }

const [host, port] = terms.listen.split(':')
createServer(async (request, response) => {
  const offer = offers[request.url]
  if (!offer) return response.writeHead(404).end()
  const result = await Mppx.toNodeListener(offer)(request, response)
  if (result.status !== 402) response.end('sold')
}).listen(Number(port), host)
