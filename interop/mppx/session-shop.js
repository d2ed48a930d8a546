// What stands behind our gateway when it sells by sessions, and knows nothing of payments: one answer, a stream of
// events, and a WebSocket. Its one argument is a JSON object, `{"listen", "words"}`.

import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const { listen, words } = JSON.parse(process.argv[2])

function answer({ url }, response) {
  if (!url.endsWith('/sse')) return response.end('sold')
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  for (const word of words) response.write(`data: ${word}\n\n`)
  response.end()
}

const [host, port] = listen.split(':')
const server = createServer(answer).listen(Number(port), host)

new WebSocketServer({ server }).on('connection', (socket) => {
  for (const word of words) socket.send(word)
  socket.close(1000)
})
