// A buyer on mppx. ../README.md has the five calls.

import { Challenge, Receipt } from 'mppx'
import { evm, Mppx, tempo } from 'mppx/client'
import { privateKeyToAccount } from 'viem/accounts'
import { balance, did, keyFromSeed } from './balance.js'
import { clientOf } from './chain.js'

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
    return bought(balance(keyFromSeed(seed)), url, request(body))
  },

  async charge(url, key, rpc, mode) {
    const client = clientOf(rpc)
    return bought(tempo.charge({ account: privateKeyToAccount(key), getClient: () => client, mode }), url)
  },

  async authorize(url, key, asset) {
    const { chain, token, name, version } = JSON.parse(asset)
    const method = evm.charge({
      account: privateKeyToAccount(key),
      authorization: { name, version },
      currencies: [token],
      networks: [chain],
    })
    return bought(method, url)
  },
}

async function bought(method, url, init) {
  const response = await Mppx.create({ methods: [method], polyfill: false }).fetch(url, init)
  const receipt = response.headers.has('payment-receipt') ? Receipt.fromResponse(response) : null
  const header = response.headers.get('payment-response')
  const outcome = header && JSON.parse(Buffer.from(header, 'base64'))
  return { status: response.status, body: await response.text(), receipt, outcome }
}

function request(body) {
  return body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
}

const [call, ...words] = process.argv.slice(2)
console.log(JSON.stringify(await calls[call](...words)))
