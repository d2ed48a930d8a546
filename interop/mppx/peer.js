// A buyer on mppx. ../README.md has the three calls.

import { Challenge, Receipt } from 'mppx'
import { Mppx } from 'mppx/client'
import { balance, did, keyFromSeed } from './balance.js'

const calls = {
  async did(seed) {
    return { did: did(keyFromSeed(seed)) }
  },

  async read(url, body) {
    const response = await fetch(url, request(body))
    const challenges = Challenge.fromResponseList(response)
    return { status: response.status, problem: await response.json(), challenges }
  },

  async pay(url, seed, body) {
    const buyer = Mppx.create({ methods: [balance(keyFromSeed(seed))], polyfill: false })
    const response = await buyer.fetch(url, request(body))
    const receipt = response.headers.has('payment-receipt') ? Receipt.fromResponse(response) : null
    return { status: response.status, body: await response.text(), receipt }
  },
}

function request(body) {
  return body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
}

const [call, ...words] = process.argv.slice(2)
console.log(JSON.stringify(await calls[call](...words)))
