// A buyer on @x402/fetch. ../README.md has its one call.

import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch'
import { ExactEvmScheme, toClientEvmSigner, UptoEvmScheme } from '@x402/evm'
import { ExactEvmSchemeV1 } from '@x402/evm/v1'
import { privateKeyToAccount } from 'viem/accounts'
import { chain } from './chain.js'

const calls = {
  async pay(url, key, rpc) {
    const signer = toClientEvmSigner(privateKeyToAccount(key), chain(rpc))
    const client = new x402Client()
      .register('eip155:*', new ExactEvmScheme(signer))
      .register('eip155:*', new UptoEvmScheme(signer))
      .registerV1('base-sepolia', new ExactEvmSchemeV1(signer))
    const response = await wrapFetchWithPayment(fetch, client)(url)
    const { headers, status } = response
    const outcome = headers.get('payment-response') ?? headers.get('x-payment-response')
    return {
      status,
      body: await response.text(),
      outcome: outcome && decodePaymentResponseHeader(outcome),
    }
  },
}

const [call, ...words] = process.argv.slice(2)
console.log(JSON.stringify(await calls[call](...words)))
