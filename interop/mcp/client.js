// An assistant on the official SDK, with a person who answers forms. ../README.md has its one argument; it prints what
// each step gave, as JSON.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
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
const line = transport()
await client.connect(line)
// Progress is read off the line: the SDK forgets a call at its answer, and with it a step that came in the same read.
let steps = []
const heard = line.onmessage
line.onmessage = (message, extra) => {
  if (message.method === 'notifications/progress') steps.push(message.params)
  heard(message, extra)
}
const offered = { tools: names((await client.listTools()).tools) }
const { resources, prompts } = client.getServerCapabilities()
offered.resources = resources ? (await client.listResources()).resources.map(({ uri }) => uri) : []
offered.prompts = prompts ? names((await client.listPrompts()).prompts) : []
const results = []
for (const call of terms.calls) {
  if (call.before) await runs(call.before)
  results.push(await made(call))
}
await client.close()
console.log(JSON.stringify({ ...offered, results, asked, log }))

async function made({ kind = 'tool', name, arguments: given }) {
  const progress = (steps = [])
  const options = { onprogress: () => {} }
  if (kind === 'resource') return { ...(await client.readResource({ uri: name }, options)), progress }
  if (kind === 'prompt') return { ...(await client.getPrompt({ name, arguments: given }, options)), progress }
  const answer = await client.callTool({ name, arguments: given }, undefined, options)
  const { isError = false, content, structuredContent = null } = answer
  return { isError, content, structuredContent, progress }
}

// What a person does elsewhere meanwhile; {approval} is the last question that a call waits for.
async function runs(words) {
  const approval = results.findLast(({ structuredContent: said }) => said?.approval)?.structuredContent.approval
  const [program, ...rest] = words.map((word) => word.replace('{approval}', approval))
  await promisify(execFile)(program, rest, { env: { ...process.env, ...terms.env } })
}

function names(all) {
  return all.map(({ name }) => name)
}

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
