/** The shop's gRPC backend on node's HTTP/2: two unary calls, one that streams its answer, and some that are UNAVAILABLE. */
import { once } from 'node:events'
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answered, Ledger } from './ledger.ts'

export const CART_CALLS = {
  get: '/shop.Cart/GetCart',
  add: '/shop.Cart/AddItem',
  watch: '/shop.Cart/WatchCart',
}

/** docs of gRPC, "Status codes and their use" */
const OK = 0
const UNAVAILABLE = 14
const UNAVAILABLE_SHARE = 0.04
const WATCHED = { messages: 3, everyMs: 20 }

/** @throws the system's error where the port cannot be used */
export async function serveCart(port: number, ledger: Ledger): Promise<() => Promise<void>> {
  const backend = `127.0.0.1:${port}`
  ledger.open(backend)
  const server = createServer()
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, { ':method': method = '', ':path': path = '' }) => {
    const answered = ledger.request(backend, method, path)
    stream.on('error', () => undefined)
    // A call is answered when its message is there, as gRPC's servers do.
    stream.resume().once('end', () => void answer(stream, path, answered))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return async () => {
    const closed = once(server, 'close')
    server.close()
    for (const session of sessions) session.close()
    await closed
  }
}

async function answer(stream: ServerHttp2Stream, path: string, answered: Answered): Promise<void> {
  if (stream.destroyed) return
  if (Math.random() < UNAVAILABLE_SHARE) {
    endAtOnce(stream, answered)
    return
  }
  stream.respond(HEAD, { waitForTrailers: true })
  stream.once('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': String(OK) })
    answered(200, OK)
  })
  const messages = path === CART_CALLS.watch ? WATCHED.messages : 1
  for (let n = 1; n < messages; n++) {
    stream.write(grpcMessage(CART))
    await sleep(WATCHED.everyMs)
  }
  stream.end(grpcMessage(CART))
}

/** Without any message the status is in the head, and there are no trailers ("trailers-only"). */
function endAtOnce(stream: ServerHttp2Stream, answered: Answered): void {
  stream.respond({ ...HEAD, 'grpc-status': String(UNAVAILABLE) }, { endStream: true })
  answered(200, UNAVAILABLE)
}

const HEAD = { ':status': 200, 'content-type': 'application/grpc' }

/** One byte: not compressed; four: the length. */
export function grpcMessage(body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

/** What the simulation's messages say is of no importance: protobuf's field 1, a string. */
const CART = Buffer.from([0x0a, 4, ...Buffer.from('cart')])
