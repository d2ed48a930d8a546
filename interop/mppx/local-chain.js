// Loaded before the mppx CLI with `node --import`: what it asks of Tempo's public test network goes to LOCAL_CHAIN.

const PUBLIC = 'https://rpc.moderato.tempo.xyz'
const { fetch } = globalThis

globalThis.fetch = (input, init) => {
  const request = new Request(input, init)
  return request.url.startsWith(PUBLIC) ? fetch(new Request(process.env.LOCAL_CHAIN, request)) : fetch(input, init)
}
