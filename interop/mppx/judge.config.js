// What `mppx validate` pays with where it brings no wallet of its own: MPPX_CONFIG names this file, JUDGE its account.

import { evm } from 'mppx/client'
import { privateKeyToAccount } from 'viem/accounts'

const { key, asset } = JSON.parse(process.env.JUDGE)
const { chain, token, name, version } = asset
const account = privateKeyToAccount(key)

export default {
  methods: [evm.charge({ account, authorization: { name, version }, currencies: [token], networks: [chain] })],
}
