// The balance method for a seller on mppx: checks the signature of the payer's Ed25519 key and keeps no balances.

import { createPublicKey, verify } from 'node:crypto'
import { base58 } from '@scure/base'
import { Method, PaymentRequest, z } from 'mppx'

const definition = Method.from({
  name: 'balance',
  intent: 'charge',
  schema: {
    request: z.looseObject({ amount: z.string(), currency: z.string() }),
    credential: { payload: z.object({ payer: z.string(), signature: z.string() }) },
  },
})

/** The method, taking payments; what was taken is told to `taken`. */
export function balance(taken) {
  return Method.toServer(definition, {
    async verify({ credential }) {
      const { challenge, payload } = credential
      const signature = Buffer.from(payload.signature, 'base64url')
      if (!verify(null, message(challenge, payload.payer), keyOf(payload.payer), signature)) {
        throw new Error('the signature is not the payer\'s')
      }
      taken(challenge.id)
      const timestamp = new Date().toISOString()
      return { method: 'balance', status: 'success', reference: `transfer-${challenge.id.slice(0, 8)}`, timestamp }
    },
  })
}

/** What the payer signs. */
function message({ id, realm, request, digest }, payer) {
  const lines = ['farthing balance charge v1', `id: ${id}`, `realm: ${realm}`, `request: ${PaymentRequest.serialize(request)}`]
  return Buffer.from([...lines, `digest: ${digest ?? '-'}`, `payer: ${payer}`, ''].join('\n'))
}

/** The public key of a did:key. */
function keyOf(did) {
  const bytes = base58.decode(did.replace('did:key:z', ''))
  const x = Buffer.from(bytes.slice(2)).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
