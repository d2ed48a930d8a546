// Base Sepolia, or what poses as it, at this URL.

import { createPublicClient, createWalletClient, http, publicActions } from 'viem'
import { baseSepolia } from 'viem/chains'

export const NETWORK = 'eip155:84532'

const pollingInterval = 20

/** What reads from it. */
export function chain(rpc) {
  return createPublicClient({ chain: baseSepolia, transport: http(rpc), pollingInterval })
}

/** What reads from it and sends from this account. */
export function sender(rpc, account) {
  const client = createWalletClient({ account, chain: baseSepolia, transport: http(rpc), pollingInterval })
  return client.extend(publicActions)
}
