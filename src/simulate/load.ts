/** The weighted traffic of a small shop. Each worker waits for the answer before its next request. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CartClient } from './cart-client.ts'
import { CART_CALLS } from './cart.ts'
import { Client } from './client.ts'

export interface LoadResult {
  /** answers that the clients received */
  readonly answers: number
  /** connections that broke during a request */
  readonly broken: number
}

const WEIGHTS = [
  { method: 'GET', path: '/api/orders', weight: 8 },
  { method: 'GET', path: '/api/users', weight: 5 },
  { method: 'GET', path: '/healthz', weight: 10 },
  { method: 'POST', path: '/checkout', weight: 4 },
  { method: 'GET', path: '/static/app.js', weight: 6 },
  { method: 'GET', path: '/', weight: 3 },
] as const

const CALL_WEIGHTS = [
  { path: CART_CALLS.get, weight: 5 },
  { path: CART_CALLS.add, weight: 3 },
  { path: CART_CALLS.watch, weight: 1 },
] as const

/** Where nginx takes requests, and gRPC, if it speaks that. */
export interface Doors {
  readonly port: number
  readonly cart: string | null
}

/** Runs until `stop` is aborted, then until every open request is answered. */
export async function runLoad(doors: Doors, workers: number, stop: AbortSignal): Promise<LoadResult> {
  const results = await Promise.all(Array.from({ length: workers }, () => work(doors, stop)))
  return {
    answers: results.reduce((sum, { answers }) => sum + answers, 0),
    broken: results.reduce((sum, { broken }) => sum + broken, 0),
  }
}

async function work({ port, cart }: Doors, stop: AbortSignal): Promise<LoadResult> {
  const client = new Client(port)
  const cartClient = cart === null ? null : new CartClient(cart)
  const choices = [
    ...REQUESTS.map((request) => () => client.ask(request)),
    ...(cartClient === null ? [] : CALLS.map((path) => () => cartClient.call(path))),
  ]
  let answers = 0
  let broken = 0
  while (!stop.aborted) {
    try {
      await choices[Math.floor(Math.random() * choices.length)]!()
      answers++
    } catch {
      broken++
      await sleep(100)
    }
  }
  client.close()
  cartClient?.close()
  return { answers, broken }
}

/** Each request is repeated by its weight. */
const REQUESTS: readonly string[] = WEIGHTS.flatMap(({ method, path, weight }) =>
  Array.from({ length: weight }, () => requestText(method, path)),
)
const CALLS: readonly string[] = CALL_WEIGHTS.flatMap(({ path, weight }) =>
  Array.from({ length: weight }, () => path),
)

function requestText(method: string, path: string): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: simulate/0.1\r\n`
  if (method === 'GET') return `${head}\r\n`
  const body = '{"cart":[1,2,3],"pay":"card"}'
  return `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
