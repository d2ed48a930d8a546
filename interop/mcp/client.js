// An assistant on the official SDK, with a person who answers forms. ../README.md has its one argument; it prints what
// each step gave, as JSON.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'

const terms = JSON.parse(process.argv[2])
const asked = []
const capabilities = terms.answers ? { elicitation: {} } : {}
const client = new Client({ name: 'assistant', version: '1.0.0' }, { capabilities })
if (terms.answers) {
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    asked.push(params.message)
    return terms.answers.shift() ?? { action: 'cancel' }
  })
}
let log = ''
await client.connect(transport())
const { tools } = await client.listTools()
const results = []
for (const { name, arguments: given } of terms.calls) {
  const { isError = false, content, structuredContent = null } = await client.callTool({ name, arguments: given })
  results.push({ isError, content, structuredContent })
}
await client.close()
console.log(JSON.stringify({ tools: tools.map(({ name }) => name), results, asked, log }))

function transport() {
  if (terms.url) {
    const headers = { authorization: `Bearer ${terms.token}` }
    return new StreamableHTTPClientTransport(new URL(terms.url), { requestInit: { headers } })
  }
  const [command, ...args] = terms.command
  const started = new StdioClientTransport({ command, args, env: { ...process.env, ...terms.env }, stderr: 'pipe' })
  started.stderr.on('data', (written) => (log += written))
  return started
}
