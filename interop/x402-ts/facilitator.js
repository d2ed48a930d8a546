// The facilitator of @x402/core and @x402/evm behind express. ../README.md has its one argument.

import { x402Facilitator } from '@x402/core/facilitator'
import { toFacilitatorEvmSigner } from '@x402/evm'
import { ExactEvmScheme } from '@x402/evm/exact/facilitator'
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/facilitator'
import { UptoEvmScheme } from '@x402/evm/upto/facilitator'
import express from 'express'
import { privateKeyToAccount } from 'viem/accounts'
import { NETWORK, sender } from './chain.js'

const terms = JSON.parse(process.argv[2])
const account = privateKeyToAccount(terms.key)
const signer = toFacilitatorEvmSigner({ ...sender(terms.rpc, account), address: account.address })
const facilitator = new x402Facilitator()
  .register(NETWORK, new ExactEvmScheme(signer))
  .register(NETWORK, new UptoEvmScheme(signer))
  .registerV1('base-sepolia', new ExactEvmSchemeV1(signer))

/** Answers with what this makes of a payment and its requirements. */
function answering(judge) {
  return async (request, response) => {
    const { paymentPayload, paymentRequirements } = request.body
    response.json(await judge(paymentPayload, paymentRequirements))
  }
}

const app = express().use(express.json())
app.get('/supported', (_, response) => response.json(facilitator.getSupported()))
app.post('/verify', answering((...payment) => facilitator.verify(...payment)))
app.post('/settle', answering((...payment) => facilitator.settle(...payment)))
const [host, port] = terms.listen.split(':')
app.listen(Number(port), host)
