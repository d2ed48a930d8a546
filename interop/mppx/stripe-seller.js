// A seller on mppx that takes cards. ../README.md has its one argument and what it sells.

import { createServer } from 'node:http'
import { Mppx, stripe } from 'mppx/server'
import { clientOf } from './stripe-api.js'

const terms = JSON.parse(process.argv[2])
const charge = stripe.charge({
  client: clientOf(terms.api, terms.seller),
  currency: 'usd',
  decimals: 2,
  networkId: terms.profile,
  paymentMethodTypes: ['card'],
})
const seller = Mppx.create({ methods: [charge], realm: terms.realm, secretKey: terms.secret })
const offers = {
  '/charge': seller.charge({ amount: '5' }),
  '/referenced': seller.charge({ amount: '5', externalId: 'order-7' }),
}

const [host, port] = terms.listen.split(':')
createServer(async (request, response) => {
  const offer = offers[request.url]
  if (!offer) return response.writeHead(404).end()
  const result = await Mppx.toNodeListener(offer)(request, response)
  if (result.status !== 402) response.end('sold')
}).listen(Number(port), host)
