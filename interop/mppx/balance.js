// The balance method for mppx: an Ed25519 key signs the challenge.

import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { base58 } from '@scure/base'
import { Credential, Method, PaymentRequest, z } from 'mppx'

/** The method, for buyers and sellers alike. */
export const definition = Method.from({
  name: 'balance',
  intent: 'charge',
  schema: {
    request: z.looseObject({ amount: z.string(), currency: z.string() }),
    credential: { payload: z.object({ payer: z.string(), signature: z.string() }) },
  },
})

/** The method, paying with the balance of this key. */
export function balance(key) {
  const payer = did(key)
  return Method.toClient(definition, {
    async createCredential({ challenge }) {
      const signature = sign(null, message(challenge, payer), key).toString('base64url')
      return Credential.serialize({ challenge, payload: { payer, signature }, source: payer })
    },
  })
}

/** What the payer signs. */
export function message({ id, realm, request, digest }, payer) {
  const wire = PaymentRequest.serialize(request)
  const lines = ['farthing balance charge v1', `id: ${id}`, `realm: ${realm}`, `request: ${wire}`]
  return Buffer.from([...lines, `digest: ${digest ?? '-'}`, `payer: ${payer}`, ''].join('\n'))
}

/** The payer's name: the public key as a did:key. */
export function did(key) {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return `did:key:z${base58.encode(Buffer.concat([Buffer.from([0xed, 0x01]), Buffer.from(x, 'base64url')]))}`
}

/** An Ed25519 key from its seed in hex. */
export function keyFromSeed(hex) {
  const pkcs8 = Buffer.from(`302e020100300506032b657004220420${hex}`, 'hex')
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}
