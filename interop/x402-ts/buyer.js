// A buyer on @x402/fetch. ../README.md has its arguments and what it reads and writes.

import { createInterface } from 'node:readline'
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch'
import { ExactEvmScheme, toClientEvmSigner, UptoEvmScheme } from '@x402/evm'
import { ExactEvmSchemeV1 } from '@x402/evm/v1'
import { privateKeyToAccount } from 'viem/accounts'
import { chain } from './chain.js'

const [key, rpc] = process.argv.slice(2)
const signer = toClientEvmSigner(privateKeyToAccount(key), chain(rpc))
const client = new x402Client()
  .register('eip155:*', new ExactEvmScheme(signer))
  .register('eip155:*', new UptoEvmScheme(signer))
  .registerV1('base-sepolia', new ExactEvmSchemeV1(signer))
const paying = wrapFetchWithPayment(fetch, client)

async function buy(url) {
  const response = await paying(url)
  const { headers, status } = response
  const header = headers.get('payment-response') ?? headers.get('x-payment-response')
  return { status, body: await response.text(), outcome: header && decodePaymentResponseHeader(header) }
}

for await (const url of createInterface({ input: process.stdin })) {
  const answer = await buy(url).catch((error) => ({ error: error.message }))
  console.log(JSON.stringify(answer))
}
