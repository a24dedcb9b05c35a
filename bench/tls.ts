/**
 * What reading within TLS costs nginx: CPU of its worker per request to a TLS upstream, with nothing, with the recorder, with
 * `--tls`, and with empty programs at the entry and return of the library's SSL_read and SSL_write: the least that tools cost which
 * set them there, as they copy the bytes, too. In each round each condition is started once, in random order, for all sizes.
 * Defaults: ROUNDS=16 SLICE_MS=250; takes about five minutes. Needs an otherwise idle machine.
 */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { certificates } from '../test/kernel/lab/certificates.ts'
import { Cable } from '../test/kernel/lab/network.ts'
import { startLabNginx } from '../test/kernel/lab/nginx.ts'
import { lacking, sh } from '../test/kernel/lab/system.ts'
import { beside, readers, scratch } from './kernel/conditions.ts'
import { buildClient, Clients, CONNECTIONS, SLICE_MS } from './kernel/load.ts'
import { Machine } from './kernel/machine.ts'
import { meanOf, median, print, repeated, shuffled } from './kernel/numbers.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 16)
/** By what the answer is like: the port of nginx that asks for it. */
const SIZES = { tiny: 8081, '10 KB': 8082, '300 KB': 8083 } as const
type Size = keyof typeof SIZES
const PEERS = Object.keys(readers).at(-1)!
const OURS = 'recorder --tls'

/** µs of the worker's CPU per request, by size, by condition */
type Round = Readonly<Record<string, Readonly<Record<Size, number>>>>
type Removal = () => Promise<unknown>

const reason = lacking('openssl', 'gcc', 'clang', 'nm', 'pgrep', 'taskset')
if (reason !== false) throw new Error(`bench-tls ${reason}`)
await buildClient()
const machine = new Machine()
const removals: Removal[] = []
try {
  const { namespace, worker, clients } = await createSetup()
  const round = async (): Promise<Round> => {
    const costs: Record<string, Record<Size, number>> = {}
    for (const name of shuffled(Object.keys(readers)))
      costs[name] = await beside(readers[name]!, namespace, () => costOf(worker, clients))
    return costs
  }
  await round() // so that all is compiled, and every connection is open
  report(await repeated(ROUNDS, round))
} finally {
  for (const remove of removals.reverse()) await remove()
  machine.remove()
}

interface Setup {
  readonly namespace: string
  readonly worker: number
  readonly clients: Readonly<Record<Size, Clients>>
}

async function createSetup(): Promise<Setup> {
  const cable = await Cable.create()
  removals.push(() => cable.remove())
  const { namespace } = cable.proxy
  const back = await startLabNginx(cable.far.namespace, backend(), false, { program: programOf('back') })
  removals.push(() => back.stop())
  const front = await startLabNginx(namespace, proxy(), false, { program: programOf('front') })
  removals.push(() => front.stop())
  const [worker] = await front.workers()
  await sh('taskset', '-cp', '0', String(worker))
  for (const pid of await back.workers()) await sh('taskset', '-cp', '1', String(pid))
  const clients = Object.fromEntries(
    Object.entries(SIZES).map(([size, port]) => [size, new Clients(namespace, port, machine)]),
  ) as Record<Size, Clients>
  for (const size of Object.values(clients)) removals.push(() => size.stop())
  return { namespace, worker: worker!, clients }
}

/** A file of its own: it has the probes that are meant for it, and none of another recorder's. */
function programOf(name: string): string {
  const program = join(scratch, name)
  copyFileSync('/usr/sbin/nginx', program)
  return program
}

async function costOf(worker: number, clients: Setup['clients']): Promise<Record<Size, number>> {
  const costs: Partial<Record<Size, number>> = {}
  for (const size of Object.keys(SIZES) as Size[]) {
    const before = cpuOf(worker)
    const { requests } = await clients[size].saturate(SLICE_MS)
    costs[size] = (cpuOf(worker) - before) / 1000 / requests
  }
  return costs as Record<Size, number>
}

/** ns */
function cpuOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0])
}

function report(rounds: readonly Round[]): void {
  print(
    `\na request to a TLS upstream: ${CONNECTIONS} connections, CPU of nginx's worker, ${rounds.length} rounds of ${SLICE_MS} ms in random order`,
  )
  for (const size of Object.keys(SIZES) as Size[]) {
    const micros = (name: string): number => median(rounds.map((round) => round[name]![size]))
    const ratio = (name: string): string =>
      meanOf(rounds.map((round) => round[name]![size] / round.nothing![size]))
    const extra = (round: Round, name: string): number => round[name]![size] - round.nothing![size]
    print(`\n  ${size}: ${micros('nothing').toFixed(1)} µs with nothing`)
    for (const name of Object.keys(readers).filter((other) => other !== 'nothing'))
      print(`    ${name.padEnd(22)} ${micros(name).toFixed(1).padStart(7)} µs   ÷ nothing ${ratio(name)}`)
    print(
      `    extra of ${OURS} ÷ extra of the library's probes ${meanOf(rounds.map((round) => extra(round, OURS) / extra(round, PEERS)))}`,
    )
  }
  print('\ngoal: at most half of the extra of the library’s probes')
}

/** A directive's word has 4 KB at most. */
function backend(): string {
  const { certificate, key } = certificates().server
  return `access_log off; ssl_protocols TLSv1.2 TLSv1.3;
    server { listen 10.77.0.2:9443 ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
      set $k ${'x'.repeat(1000)}; set $ten "${'$k'.repeat(10)}"; set $hundred "${'$ten'.repeat(10)}";
      location = /8081 { return 200 "hello"; }
      location = /8082 { return 200 $ten; }
      location = /8083 { return 200 $hundred$hundred$hundred; } }`
}

function proxy(): string {
  const servers = Object.values(SIZES).map(
    (port) =>
      `server { listen 127.0.0.1:${port}; location = /api/orders { proxy_pass https://back/${port}; } }`,
  )
  return `access_log off; keepalive_timeout 1h; proxy_ssl_protocols TLSv1.2 TLSv1.3;
    upstream back { server 10.77.0.2:9443; keepalive 64; } ${servers.join('\n')}`
}
