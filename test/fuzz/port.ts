/** What nobody should send to a port of metrics, sent to that of a real recorder: it goes on, says nothing, and has every tick. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { openRecording } from '../../src/store/read/reader.ts'
import { scrape, startScraped } from '../metrics/scraped.ts'
import { Chance } from './chance.ts'

const PROBE = join(import.meta.dirname, '../../fixtures/probe/simulated.ndjson')
const TICKS = 21
/** Connections at a time. */
const AT_ONCE = 40
/** A recorder of this size needs 100 MB; bytes. */
const MOST_MEMORY = 400e6

/** @param file the recording, which must not exist @throws AssertionError for a finding */
export async function attackPort(seed: number, inputs: number, file: string): Promise<void> {
  const end = join(dirname(file), 'port-end')
  const probe = `head -n -1 ${PROBE}; while [ ! -e ${end} ]; do sleep 0.05; done; tail -n 1 ${PROBE}`
  const words = ['--quiet', '--out', file, '--metrics', '127.0.0.1:0', '--metrics-routes', '--probe', probe]
  const { child, url, ended } = await startScraped('record', ...words)
  let said = ''
  child.stderr!.on('data', (part: Buffer) => (said += part.toString()))
  let next = 0
  const attacker = async (): Promise<void> => {
    for (let number = next++; number < inputs; number = next++)
      await attack(new Chance(seed, number), Number(new URL(url).port), number)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, attacker))
  const page = await scrape(url)
  assert.match(page, /^upstreamtop_build_info\{/m)
  const { VmHWM } = memoryOf(child.pid!)
  writeFileSync(end, '')
  assert.equal(await ended, 0, said)
  assert.doesNotMatch(said, /this is a bug|^ {4}at /m)
  assert.ok(VmHWM < MOST_MEMORY, `${VmHWM} bytes`)
  const recording = openRecording(file)
  try {
    assert.equal(recording.ticks.length, TICKS)
  } finally {
    recording.close()
  }
}

/** Sends the input in pieces, then ends, resets or leaves; an answer, if there is one, is HTTP. */
async function attack(chance: Chance, port: number, number: number): Promise<void> {
  const input = inputOf(chance)
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (part: Buffer) => (answer = (answer + part.toString('latin1')).slice(0, 64)))
  const over = new Promise<void>((resolve) =>
    socket.once('close', () => resolve()).on('error', () => undefined),
  )
  const cut = chance.below(input.length + 1)
  socket.write(input.subarray(0, cut))
  if (chance.below(4) === 0) await new Promise((resolve) => setTimeout(resolve, chance.below(20)))
  if (!socket.destroyed) socket.write(input.subarray(cut))
  const way = chance.below(4)
  if (way === 0) socket.resetAndDestroy()
  else if (way === 1) socket.destroy()
  else socket.end()
  await over
  assert.match(answer, /^$|^HTTP\/1\.1 [12345]\d\d /, `input ${number}`)
}

const inputOf = (chance: Chance): Buffer => {
  const request = chance.pick(REQUESTS)(chance)
  const bytes = Buffer.isBuffer(request) ? request : Buffer.from(request, 'latin1')
  for (let flips = chance.below(3) === 0 ? chance.size(30) : 0; flips > 0 && bytes.length > 0; flips--)
    bytes[chance.below(bytes.length)] = chance.below(256)
  return chance.below(4) === 0 ? bytes.subarray(0, chance.below(bytes.length + 1)) : bytes
}

const get = (headers = 'Host: localhost\r\n', path = '/metrics', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\n${headers}\r\n`
const long = (chance: Chance, most: number): string => 'x'.repeat(chance.size(most))

const REQUESTS: readonly ((chance: Chance) => string | Buffer)[] = [
  (chance) => chance.bytes(chance.size(20_000)),
  () => get(),
  (chance) => get().repeat(chance.between(2, 200)),
  (chance) => get(`Host: ${long(chance, 50_000)}\r\n`),
  (chance) => get('Host: localhost\r\n' + 'A: b\r\n'.repeat(chance.size(20_000))),
  (chance) => get(undefined, `/${long(chance, 100_000)}`),
  (chance) =>
    get(
      undefined,
      '/metrics',
      chance.pick(['POST', 'PUT', 'HEAD', 'CONNECT', 'TRACE', 'PRI', 'get', long(chance, 5000)]),
    ),
  (chance) =>
    get(
      undefined,
      chance.pick(['*', '', 'http://localhost/metrics', '/%00', '/\0', '//', '/metrics?\xff', 'metrics']),
    ),
  (chance) =>
    get(
      `Host: localhost\r\nAccept: ${chance.pick([',;q=', long(chance, 8000), ',;'.repeat(3000), 'application/openmetrics-text'])}\r\n`,
    ),
  (chance) =>
    get(
      `Host: localhost\r\nContent-Length: ${chance.pick(['5', '-1', '1e9', '99999999999999', '5, 6', ''])}\r\n`,
      '/metrics',
      'POST',
    ) + long(chance, 50_000),
  (chance) =>
    get('Host: localhost\r\nTransfer-Encoding: chunked\r\n', '/metrics', 'POST') +
    `${chance.pick(['5', 'fffffffff', 'x', '-1'])}\r\nabcde\r\n`.repeat(chance.size(500)),
  () => get('Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'),
  () =>
    get(
      'Host: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n',
    ),
  () => get('Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n', '/metrics', 'POST'),
  () => get('Host: localhost\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9999\r\n'),
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  () => '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  () => 'GET /metrics\r\n',
  () => 'GET /metrics HTTP/1.0\r\n\r\n',
  () => 'GET /metrics HTTP/9.9\r\n\r\n',
  (chance) => '\r\n'.repeat(chance.size(10_000)) + get(),
  () => 'GET /metrics HTTP/1.1\nHost: a\n\n',
]

function memoryOf(pid: number): { readonly VmHWM: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return { VmHWM: Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024 }
}
