// A seller of tools on mppx and the official SDK, over standard input and output. ../README.md has its argument.

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { Transport } from 'mppx/mcp/server'
import { Mppx } from 'mppx/server'
import { z } from 'zod'
import { balance } from './balance.js'

const terms = JSON.parse(process.argv[2])
const taken = []
const payment = Mppx.create({
  methods: [balance((id) => taken.push(id))],
  realm: 'shop.example',
  secretKey: terms.secret,
  transport: Transport.mcpSdk(),
})
const offer = { amount: terms.amount, currency: 'usd.6', methodDetails: { issuer: terms.origin } }

const server = new McpServer({ name: 'shop', version: '1.0.0' })
server.registerTool(
  'forecast',
  { description: 'A forecast, for money', inputSchema: { city: z.string() } },
  async ({ city }, extra) => {
    const result = await payment.charge(offer)(extra)
    if (result.status === 402) throw result.challenge
    return result.withReceipt({ content: [{ type: 'text', text: `sunny in ${city}` }] })
  },
)
server.registerTool('survey', { description: 'Says how far it is' }, async (extra) => {
  const progressToken = extra._meta?.progressToken
  for (const progress of [1, 2, 3]) {
    const params = { progressToken, progress, total: 3, message: `part ${progress}` }
    await extra.sendNotification({ method: 'notifications/progress', params })
  }
  return { content: [{ type: 'text', text: 'surveyed' }] }
})
server.registerResource('today', 'file:///today', { description: 'A page, for money' }, async (uri, extra) => {
  const result = await payment.charge(offer)(extra)
  if (result.status === 402) throw result.challenge
  return result.withReceipt({ contents: [{ uri: uri.href, text: 'rain at noon' }] })
})
server.registerPrompt('report', { argsSchema: { city: z.string() } }, ({ city }) => ({
  messages: [{ role: 'user', content: { type: 'text', text: `Report on ${city}` } }],
}))
server.registerTool('taken', { description: 'How many payments were taken' }, async () => ({
  content: [{ type: 'text', text: String(taken.length) }],
}))
await server.connect(new StdioServerTransport())
