/**
 * node --import tsx bench/pcap.ts
 *
 * What reading a capture costs, CPU as ratios within one run: `record --pcap` beside `tshark -q -z http,stat` and `cat` of the same file,
 * and the machine in WebAssembly alone. Two captures of 1.4 million packets: many seconds of a proxy with little to do, and a few of a
 * busy one. Then its peak memory, of a capture and of one eight times as long, from standard input. CAPTURE=FILE: that file instead;
 * ROUNDS (5), of which medians are printed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHUNK } from '../src/record/pcap/bytes.ts'
import { CaptureMachine } from '../src/record/pcap/machine.ts'
import { captureOf, makeBlock, type Block } from './pcap/traffic.ts'
import { costOf } from './report/measure.ts'

const MAIN = join(import.meta.dirname, '../dist/main.js')
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const folder = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'bench-pcap-'))

try {
  if (process.env.CAPTURE !== undefined) compare(process.env.CAPTURE)
  else {
    compareBlocks('a quiet proxy', makeBlock(50), 30)
    compareBlocks('a busy proxy', makeBlock(500), 3)
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
  console.log(`${name}: ${Math.round(block.packets / block.seconds)} packets a second`)
  compare(file)
}

function compare(file: string): void {
  const costs = {
    cat: [] as number[],
    tshark: [] as number[],
    record: [] as number[],
    machine: [] as number[],
  }
  let packets = 0
  for (let i = 0; i < ROUNDS; i++) {
    costs.cat.push(costOf('sh', ['-c', 'cat "$1" > /dev/null', 'sh', file]).cpu)
    costs.tshark.push(costOf('tshark', ['-q', '-z', 'http,stat', '-r', file]).cpu)
    const out = join(folder, 'x.db')
    costs.record.push(costOf(process.execPath, [MAIN, 'record', '--pcap', file, '--out', out, '--quiet']).cpu)
    rmSync(out)
    const alone = machineAlone(file)
    costs.machine.push(alone.cpu)
    packets = alone.packets
  }
  const [cat, tshark, record, machine] = [costs.cat, costs.tshark, costs.record, costs.machine].map(median)
  const times = (a: number | undefined, b: number | undefined): string => (a! / Math.max(b!, 0.01)).toFixed(1)
  console.log(
    `  ${packets} packets: tshark ÷ record ${times(tshark, record)}, tshark ÷ machine ${times(tshark, machine)}, record ÷ cat ${times(record, cat)}, machine ÷ cat ${times(machine, cat)}; record ${((1e6 * record!) / packets).toFixed(2)} µs a packet, machine ${((1e6 * machine!) / packets).toFixed(2)}`,
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
