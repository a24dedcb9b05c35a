/**
 * node --import tsx bench/pcap.ts
 *
 * What reading a capture costs, as ratios within one run: `record --pcap` beside `tshark -q -z http,stat` and `cat` of the same file,
 * in time and in CPU, and the CPU of the machine in WebAssembly alone. Captures of a proxy with little to do and of a busy one: 1.4
 * million packets, and four times as many. Then its peak memory for one of them and for eight times as many packets from standard
 * input. CAPTURE=FILE: that file instead; ROUNDS (3), of which medians are printed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHUNK } from '../src/record/pcap/bytes.ts'
import { CaptureMachine } from '../src/record/pcap/machine.ts'
import { captureOf, makeBlock, type Block } from './pcap/traffic.ts'
import { costOf, type Cost } from './report/measure.ts'

const MAIN = join(import.meta.dirname, '../dist/main.js')
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'bench-pcap-'))

try {
  if (process.env.CAPTURE !== undefined) compare(process.env.CAPTURE)
  else {
    for (const times of [1, 4]) {
      compareBlocks('a quiet proxy', makeBlock(50), 30 * times)
      compareBlocks('a busy proxy', makeBlock(500), 3 * times)
    }
    await memory(makeBlock(50), 10)
  }
} finally {
  rmSync(folder, { recursive: true })
}

function compareBlocks(name: string, block: Block, blocks: number): void {
  const file = join(folder, 'x.pcap')
  const fd = openSync(file, 'w')
  for (const part of captureOf(block, blocks)) writeSync(fd, part)
  closeSync(fd)
  console.log(`${name}: ${Math.round(block.packets / block.seconds)} packets per second`)
  compare(file)
}

function compare(file: string): void {
  const costs = { cat: [] as Cost[], tshark: [] as Cost[], record: [] as Cost[] }
  const machine: number[] = []
  let packets = 0
  for (let i = 0; i < ROUNDS; i++) {
    costs.cat.push(costOf('sh', ['-c', 'cat "$1" > /dev/null', 'sh', file]))
    costs.tshark.push(costOf('tshark', ['-q', '-z', 'http,stat', '-r', file]))
    const out = join(folder, 'x.db')
    costs.record.push(costOf(process.execPath, [MAIN, 'record', '--pcap', file, '--out', out, '--quiet']))
    rmSync(out)
    const alone = machineAlone(file)
    machine.push(alone.cpu)
    packets = alone.packets
  }
  const of = (name: keyof typeof costs, measure: 'seconds' | 'cpu'): number =>
    Math.max(median(costs[name].map((cost) => cost[measure])), 0.01)
  const times = (a: number, b: number): string => (a / b).toFixed(1)
  for (const measure of ['seconds', 'cpu'] as const)
    console.log(
      `  ${packets} packets, ${measure === 'cpu' ? 'CPU ' : 'time'}: tshark ÷ record ${times(of('tshark', measure), of('record', measure))}, ` +
        `record ÷ cat ${times(of('record', measure), of('cat', measure))}, record ${((1e6 * of('record', measure)) / packets).toFixed(2)} µs a packet`,
    )
  console.log(
    `  the machine alone, CPU: tshark ÷ machine ${times(of('tshark', 'cpu'), median(machine))}, ${((1e6 * median(machine)) / packets).toFixed(2)} µs a packet; ` +
      `record ${median(costs.record.map(({ rss }) => rss)).toFixed(0)} MB`,
  )
}

/** Reading and the machine, without what is made of its lines. */
function machineAlone(file: string): { readonly cpu: number; readonly packets: number } {
  const before = process.cpuUsage()
  const machine = new CaptureMachine({
    ...{ clients: [], serverPorts: [], only: [], ignore: [] },
    ...{ rawRoutes: false, requests: 1000 },
  })
  const fd = openSync(file, 'r')
  for (let n; (n = readSync(fd, machine.room(CHUNK), 0, CHUNK, null)) > 0;) {
    machine.read(n, false)
    machine.takeLines()
  }
  closeSync(fd)
  machine.end()
  const { user, system } = process.cpuUsage(before)
  return { cpu: (user + system) / 1e6, packets: machine.seen.packets }
}

async function memory(block: Block, blocks: number): Promise<void> {
  const one = await peakOf(block, blocks)
  const eight = await peakOf(block, 8 * blocks)
  console.log(
    `peak memory: ${one.toFixed(0)} MB for ${blocks * block.packets} packets, ${eight.toFixed(0)} MB for 8 times as many: ${(eight / one).toFixed(2)} times`,
  )
}

/** MB, by GNU time */
async function peakOf(block: Block, blocks: number): Promise<number> {
  const out = join(folder, 'x.db')
  const child = spawn(
    '/usr/bin/time',
    ['-f', '@%M', process.execPath, MAIN, 'record', '--pcap', '-', '--out', out, '--quiet'],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'close')
  for (const part of captureOf(block, blocks)) if (!child.stdin.write(part)) await once(child.stdin, 'drain')
  child.stdin.end()
  await ended
  rmSync(out)
  const kilobytes = /@(\d+)/.exec(said)?.[1]
  if (kilobytes === undefined) throw new Error(said)
  return Number(kilobytes) / 1000
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
