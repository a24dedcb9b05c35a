/** A real nginx between clients and different kinds of backends, in network namespaces, under a steady load. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable } from '../../kernel/lab/network.ts'
import { startLabNginx, type Attempt } from '../../kernel/lab/nginx.ts'
import type { Rules } from '../../kernel/lab/protocol.ts'
import { inside } from '../../kernel/lab/system.ts'

/** Local ports of nginx's connections: few, so that an attacker can listen on all of them. */
export const EPHEMERAL = [40_000, 43_999] as const
export const LISTENER = '127.0.0.1:8080'
/** The backend whose segments are forged. It answers late, so that the forged segments arrive first. */
export const FORGED_PORT = 9106

const status = (code: number): string => `HTTP/1.1 ${code} Any\r\nContent-Length: 3\r\n\r\nok\n`
const BACKENDS: readonly { readonly address: string; readonly port: number; readonly rules?: Rules }[] = [
  { address: '10.77.0.2', port: 9101 },
  {
    address: '10.77.0.3',
    port: 9102,
    rules: {
      '/shop/broken': { steps: [{ send: status(500) }] },
      '/shop/away': { steps: [{ send: status(503) }] },
      '/retry': { steps: [{ send: status(503) }] },
    },
  },
  {
    address: '10.77.0.4',
    port: 9103,
    rules: { '/cut/reset': { steps: [{ end: 'rst' }] }, '/cut/closed': { steps: [{ end: 'fin' }] } },
  },
  { address: 'fd77::2', port: 9104 },
  {
    address: '10.77.0.6',
    port: FORGED_PORT,
    rules: { '*': { steps: [{ pause: 80 }, { send: status(200) }] } },
  },
  { address: '10.77.0.7', port: 9107 },
]
const HERE = { address: '127.0.0.1', port: 9105 }

const CONFIGURATION = `
  upstream kept { server 10.77.0.2:9101; keepalive 8; }
  upstream pool { server 10.77.0.3:9102 max_fails=0; server 10.77.0.2:9101 max_fails=0; }
  server {
    listen ${LISTENER};
    location / { proxy_pass http://kept; }
    location /fresh { proxy_pass http://10.77.0.2:9101; proxy_set_header Connection close; }
    location /shop { proxy_pass http://10.77.0.3:9102; }
    location /retry { proxy_pass http://pool; proxy_next_upstream error http_503; }
    location /cut { proxy_pass http://10.77.0.4:9103; }
    location /gone { proxy_pass http://10.77.0.5:9; }
    location /six { proxy_pass http://[fd77::2]:9104; }
    location /here { proxy_pass http://127.0.0.1:9105; }
    location /held { proxy_pass http://10.77.0.6:${FORGED_PORT}; }
    location /late { proxy_pass http://10.77.0.7:9107; }
  }`

/** Requests per path and batch. */
const BATCH: Readonly<Record<string, number>> = {
  '/kept/a': 8,
  '/kept/b': 8,
  '/fresh': 8,
  '/shop/fine': 4,
  '/shop/broken': 1,
  '/shop/away': 1,
  '/retry': 2,
  '/cut/reset': 1,
  '/cut/closed': 1,
  '/gone': 1,
  '/six': 4,
  '/here': 4,
  '/held': 1,
}
const BATCH_MS = 220
export const RATE = (Object.values(BATCH).reduce((a, b) => a + b, 0) / BATCH_MS) * 1000

export interface Testbed {
  readonly cable: Cable
  /** the attempts in nginx's log */
  attempts(): readonly Attempt[]
  /** sends requests for `ms`; from `lateAt` on also to a backend that had no request before */
  load(ms: number, lateAt?: number): Promise<void>
  close(): Promise<void>
}

export async function createTestbed(): Promise<Testbed> {
  const cable = await Cable.create()
  const { namespace } = cable.proxy
  await inside(namespace, 'sysctl', '-qw', `net.ipv4.ip_local_port_range=${EPHEMERAL.join(' ')}`)
  for (const backend of BACKENDS) await cable.far.call('listen', backend)
  await cable.proxy.call('listen', HERE)
  const nginx = await startLabNginx(namespace, CONFIGURATION)
  const end = (): void => void nginx.stop()
  process.once('exit', end)
  return {
    cable,
    attempts: () => nginx.attempts(),
    load: (ms, lateAt = Infinity) => load(cable, ms, lateAt),
    async close() {
      process.off('exit', end)
      await nginx.stop()
      await cable.remove()
    },
  }
}

async function load(cable: Cable, ms: number, lateAt: number): Promise<void> {
  const from = performance.now()
  const paths = Object.entries(BATCH).flatMap(([path, times]) => Array<string>(times).fill(path))
  for (let due = BATCH_MS; performance.now() - from < ms; due += BATCH_MS) {
    const isLate = performance.now() - from >= lateAt
    await cable.proxy.call('ask', {
      address: '127.0.0.1',
      port: 8080,
      requests: [...paths, ...(isLate ? ['/late'] : [])].map(get),
      connections: 4,
    })
    await sleep(Math.max(0, from + due - performance.now()))
  }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
