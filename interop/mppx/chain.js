// The chain that the matrix runs on, as viem wants to know it.

import { createClient, http } from 'viem'
import { tempoModerato } from 'viem/tempo/chains'

/** A client of the node at this URL. */
export function clientOf(rpc) {
  return createClient({ chain: tempoModerato, transport: http(rpc) })
}
