/** The backends of a shop: two fast ones, a slow checkout that sometimes fails, and the cart, which speaks gRPC. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { systemError } from '../errors.ts'
import { serveCart } from './cart.ts'
import type { Ledger } from './ledger.ts'

export interface BackendPorts {
  readonly fast: readonly [number, number]
  readonly checkout: number
  /** null: nginx speaks no gRPC */
  readonly cart: number | null
}

export interface Backends {
  /** Waits for open answers, then frees the ports. */
  close(): Promise<void>
}

const CHECKOUT_MS = { least: 60, most: 160 }
const CHECKOUT_5XX = 0.12

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export async function startBackends(ports: BackendPorts, ledger: Ledger): Promise<Backends> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    await Promise.all(closers.map((closeOne) => closeOne()))
  }
  try {
    for (const port of ports.fast) closers.push(await listening(port, serve(port, ledger, answerAtOnce)))
    closers.push(await listening(ports.checkout, serve(ports.checkout, ledger, answerSlowly)))
    if (ports.cart !== null) closers.push(await listening(ports.cart, serveCart(ports.cart, ledger)))
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}

async function listening<Closer>(port: number, started: Promise<Closer>): Promise<Closer> {
  try {
    return await started
  } catch (error) {
    throw systemError(
      `port ${port}, which a simulated backend needs, cannot be used: ${(error as Error).message}`,
      `see who has it with "ss -ltnp sport = :${port}", end it, and try again`,
    )
  }
}

async function serve(port: number, ledger: Ledger, handler: Handler): Promise<() => Promise<void>> {
  const backend = `127.0.0.1:${port}`
  ledger.open(backend)
  const server = createServer((request, response) => {
    const answered = ledger.request(backend, request.method ?? '', request.url ?? '')
    response.once('finish', () => answered(response.statusCode))
    request.resume()
    handler(request, response)
  })
  // nginx must close idle connections: if the backend closes one first, nginx retries on another backend.
  server.keepAliveTimeout = 0
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return () => closeServer(server)
}

function answerAtOnce(request: IncomingMessage, response: ServerResponse): void {
  send(response, 200, BODIES[request.url ?? ''] ?? 'hello\n')
}

function answerSlowly(_request: IncomingMessage, response: ServerResponse): void {
  const { least, most } = CHECKOUT_MS
  const fails = Math.random() < CHECKOUT_5XX
  setTimeout(
    () =>
      send(
        response,
        fails ? (Math.random() < 0.5 ? 500 : 503) : 201,
        fails ? 'try again\n' : '{"order":4711}\n',
      ),
    least + Math.random() * (most - least),
  )
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

const BODIES: Readonly<Record<string, string>> = {
  '/api/orders': JSON.stringify(Array.from({ length: 20 }, (_, id) => ({ id, state: 'paid' }))),
  '/api/users': JSON.stringify(Array.from({ length: 10 }, (_, id) => ({ id, name: `user ${id}` }))),
  '/healthz': 'ok\n',
  '/static/app.js': 'export const answer = 42\n'.repeat(40),
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  await closed
}
