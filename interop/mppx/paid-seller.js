// A seller on mppx and node's http, for `cargo xtask bench` to compare with: one offer paid by balance. It checks what a
// gateway checks, the payer's signature included, but for whether it was used before: what is asked for in one
// millisecond is one challenge here, and the load pays each that it was given. node paid-seller.js ADDRESS

import { createPublicKey, verify } from 'node:crypto'
import { createServer } from 'node:http'
import { base58 } from '@scure/base'
import { Mppx } from 'mppx/server'
import { Method } from 'mppx'
import { definition, message } from './balance.js'

const balance = Method.toServer(definition, {
  async verify({ credential }) {
    const { challenge, payload } = credential
    const signature = Buffer.from(payload.signature, 'base64url')
    if (!verify(null, message(challenge, payload.payer), keyOf(payload.payer), signature)) {
      throw new Error("the signature is not the payer's")
    }
    return { method: 'balance', status: 'success', reference: challenge.id, timestamp: new Date().toISOString() }
  },
})
const secretKey = 'a secret of this benchmark, 32 bytes or more'
const seller = Mppx.create({ methods: [balance], realm: '127.0.0.1', secretKey })
const issuer = 'http://127.0.0.1'
const offer = seller.charge({ amount: '1000', currency: 'usd.6', methodDetails: { issuer } })
const listener = Mppx.toNodeListener(offer)

const [host, port] = process.argv[2].split(':')
createServer(async (request, response) => {
  const result = await listener(request, response)
  if (result.status !== 402) response.end('paid')
}).listen(Number(port), host)

/** The public key of a did:key. */
function keyOf(did) {
  const x = Buffer.from(base58.decode(did.replace('did:key:z', '')).slice(2)).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
