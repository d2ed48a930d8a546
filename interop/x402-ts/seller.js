// A seller on @x402/express. ../README.md has its one argument and what it sells.

import { HTTPFacilitatorClient } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { UptoEvmScheme } from '@x402/evm/upto/server'
import { paymentMiddleware, setSettlementOverrides, x402ResourceServer } from '@x402/express'
import express from 'express'
import { NETWORK } from './chain.js'

const terms = JSON.parse(process.argv[2])
const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: terms.facilitator }))
  .register(NETWORK, new ExactEvmScheme())
  .register(NETWORK, new UptoEvmScheme())

function route(scheme, price, extra) {
  return { accepts: { scheme, price, network: NETWORK, payTo: terms.recipient, extra } }
}

const routes = {
  'GET /exact': route('exact', '$0.01'),
  'GET /permit2': route('exact', '$0.02', { assetTransferMethod: 'permit2' }),
  'GET /upto': route('upto', '$0.05'),
}

const app = express().use(paymentMiddleware(routes, server))
app.get('/upto', (_, response) => {
  setSettlementOverrides(response, { amount: '30000' })
  response.type('text').send('sold')
})
app.get(['/exact', '/permit2'], (_, response) => response.type('text').send('sold'))
const [host, port] = terms.listen.split(':')
app.listen(Number(port), host)
