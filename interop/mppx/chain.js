// The chains that the matrix runs on, as viem wants to know them.

import { createClient, defineChain, http, parseAbi, parseSignature } from 'viem'
import { waitForTransactionReceipt, writeContract } from 'viem/actions'
import { tempoModerato } from 'viem/tempo/chains'

const abi = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
])

/** A client of the Tempo node at this URL. */
export function clientOf(rpc) {
  return createClient({ chain: tempoModerato, transport: http(rpc) })
}

/** What sends a verified authorization to the token on an EVM chain. */
export function settler({ rpc, chain, token }, account) {
  const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 }
  const definition = defineChain({ id: chain, name: 'test', nativeCurrency, rpcUrls: { default: { http: [rpc] } } })
  const client = createClient({ account, chain: definition, transport: http() })
  return async ({ payload }) => {
    const { r, s, yParity } = parseSignature(payload.signature)
    const { from, to, value, validAfter, validBefore, nonce } = payload
    const args = [from, to, BigInt(value), BigInt(validAfter), BigInt(validBefore), nonce, 27 + yParity, r, s]
    const hash = await writeContract(client, { address: token, abi, functionName: 'transferWithAuthorization', args })
    await waitForTransactionReceipt(client, { hash, pollingInterval: 50 })
    return { reference: hash }
  }
}
