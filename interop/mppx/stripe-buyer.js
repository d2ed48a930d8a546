// A buyer on mppx with a card: node stripe-buyer.js URL API KEY PAYMENT_METHOD

import { Receipt } from 'mppx'
import { Mppx, stripe } from 'mppx/client'
import { issue } from './stripe-api.js'

const [url, api, key, paymentMethod] = process.argv.slice(2)
const method = stripe.charge({ createToken: (wanted) => issue(api, key, wanted), paymentMethod })
const response = await Mppx.create({ methods: [method], polyfill: false }).fetch(url)
const receipt = response.headers.has('payment-receipt') ? Receipt.fromResponse(response) : null
console.log(JSON.stringify({ status: response.status, body: await response.text(), receipt }))
