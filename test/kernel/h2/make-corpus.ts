/**
 * node --import tsx test/kernel/h2/make-corpus.ts: writes fixtures/h2/, what the nginx and the node of this machine say to each other in HTTP/2,
 * a file a direction of a connection. What is there of other versions stays.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import {
  connect,
  createServer as createHttp2,
  type ClientHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { connect as connectTcp, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ROOT, sh } from '../lab/system.ts'

const CORPUS = join(ROOT, 'fixtures/h2')
const FRONT = 18_780

const GRPC = { 'content-type': 'application/grpc' }

/** By the path: what the backend answers. */
const ANSWERS: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  '/': (stream) => answer(stream, { ':status': 200, server: 'corpus' }, 'hello'),
  '/empty': (stream) => stream.respond({ ':status': 204 }, { endStream: true }),
  '/missing?q=1': (stream) => answer(stream, { ':status': 404 }, 'x'.repeat(3000)),
  '/odd': (stream) => answer(stream, { ':status': 418, 'x-long': 'y'.repeat(300) }, ''),
  '/shop.Cart/Add': (stream) => withTrailers(stream, '0'),
  '/shop.Cart/Fail': (stream) => withTrailers(stream, '13'),
  '/shop.Cart/Only': (stream) =>
    stream.respond(
      { ':status': 200, ...GRPC, 'grpc-status': '5', 'grpc-message': 'none' },
      { endStream: true },
    ),
  '/reset': (stream) => stream.close(2),
  '/half': (stream) => {
    stream.respond({ ':status': 200 })
    stream.write('half')
    void setTimeout(100).then(() => stream.close(8))
  },
}

function answer(stream: ServerHttp2Stream, headers: Record<string, string | number>, body: string): void {
  stream.respond(headers)
  stream.end(body)
}

function withTrailers(stream: ServerHttp2Stream, status: string): void {
  stream.respond({ ':status': 200, ...GRPC }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': '' }))
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
}

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

/** Keeps the bytes of each direction of the connections that pass. */
function recorder(
  backend: number,
  kept: { readonly requests: Buffer[]; readonly answers: Buffer[] }[],
): Server {
  return createServer((client) => {
    const record = { requests: [] as Buffer[], answers: [] as Buffer[] }
    kept.push(record)
    const server = connectTcp(backend, '127.0.0.1')
    client.on('data', (bytes: Buffer) => record.requests.push(bytes)).pipe(server)
    server.on('data', (bytes: Buffer) => record.answers.push(bytes)).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
}

const configuration = (folder: string, backend: number): string => `
daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream backend { server 127.0.0.1:${backend}; keepalive 1; }
  server {
    listen 127.0.0.1:${FRONT} http2;
    location / { grpc_pass grpc://backend; }
  }
}`

async function ask(client: ClientHttp2Session, path: string): Promise<void> {
  const isGrpc = path.startsWith('/shop.')
  const post = isGrpc || path === '/odd'
  const headers = {
    ':method': post ? 'POST' : 'GET',
    ':path': path,
    ...(isGrpc && { ...GRPC, te: 'trailers' }),
  }
  const stream = client.request(headers, { endStream: !post })
  stream.on('error', () => undefined).resume()
  if (post) stream.end(Buffer.alloc(path === '/odd' ? 3000 : 7, 1))
  await once(stream, 'close')
}

const backend = createHttp2()
backend.on('stream', (stream, headers) => {
  stream.on('error', () => undefined).resume()
  ANSWERS[headers[':path'] ?? '']!(stream)
})
backend.listen(0, '127.0.0.1')
await once(backend, 'listening')
const kept: { requests: Buffer[]; answers: Buffer[] }[] = []
const between = recorder(portOf(backend), kept)
await once(between, 'listening')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-corpus-'))
writeFileSync(join(folder, 'nginx.conf'), configuration(folder, portOf(between)))
const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' })
await setTimeout(500)
const client = connect(`http://127.0.0.1:${FRONT}`)
for (const path of [...Object.keys(ANSWERS), ...Object.keys(ANSWERS)]) await ask(client, path)
client.destroy()
nginx.kill()
await once(nginx, 'exit')
const version = await sh('sh', '-c', "nginx -v 2>&1 | sed 's/.*nginx.//'")
mkdirSync(CORPUS, { recursive: true })
for (const [index, { requests, answers }] of kept.entries()) {
  const name = (who: string): string => join(CORPUS, `${who}-${index}`)
  writeFileSync(`${name(`nginx-${version.trim()}`)}.requests`, Buffer.concat(requests))
  writeFileSync(`${name(`node-${process.versions.node}`)}.answers`, Buffer.concat(answers))
}
between.close()
backend.close()
rmSync(folder, { recursive: true })
process.exit()
