/** A capture that a thread reads: the lines of the same thread, in its time and its errors. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { Worker } from 'node:worker_threads'
import { UserError } from '../../../src/errors.ts'
import { openCaptureFile, type CaptureLines } from '../../../src/record/pcap/capture-file.ts'
import type { ReportReading } from '../../../src/record/pcap/reading.ts'
import { MAX_WAITING, type StartThread } from '../../../src/record/pcap/thread.ts'
import { ENDS, Conversation, LINKS, pcap, START, threeRequests, type Packet } from './conversation.ts'
import { CAPTURE_DEFAULTS } from './read.ts'

const nothing = (): void => undefined
const entry = JSON.stringify(new URL('../../../src/capture-thread.ts', import.meta.url).href)

/** A thread of node 20 knows nothing of the loader of this one. */
const threadOf =
  (before = ''): StartThread =>
  (options) =>
    new Worker(
      `${before};import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`,
      { eval: true, workerData: options },
    )

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-thread-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const open = (file: string, start: StartThread, report: ReportReading = nothing): CaptureLines =>
  openCaptureFile({ ...CAPTURE_DEFAULTS, file }, report, () => assert.fail('no input'), start)

async function allOf({ lines }: CaptureLines): Promise<readonly string[]> {
  const all: string[] = []
  for await (const line of lines) all.push(line)
  return all
}

/** A request each second. */
function long(seconds: number): Buffer {
  const packets: Packet[] = []
  for (let i = 0; i < seconds; i++) {
    const ends = { ...ENDS, clientPort: 10_000 + (i % 40_000) }
    const conversation = new Conversation(ends, START + BigInt(i) * 1_000_000_000n)
    packets.push(...conversation.open().packets)
  }
  return pcap(packets, LINKS.Ethernet)
}

test('its lines are those of the same thread, from a file and from a packed one', () =>
  inFolder(async (folder) => {
    const bytes = pcap(threeRequests(), LINKS.Ethernet)
    for (const [name, content] of [
      ['x.pcap', bytes],
      ['x.pcap.gz', gzipSync(bytes)],
    ] as const) {
      const file = join(folder, name)
      writeFileSync(file, content)
      const own = await allOf(open(file, null))
      assert.ok(own.length > 3)
      assert.deepEqual(await allOf(open(file, threadOf())), own)
    }
  }))

test('reports how far it is, and stops when it is told to: with the last tick that was reached, and a bye', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'x.pcap')
    const bytes = long(20_000)
    writeFileSync(file, bytes)
    let last = 0
    const capture = open(file, threadOf(), (done, all, { packets }) => {
      assert.equal(all, bytes.length)
      assert.ok(packets > 0 && done > 0)
      last = done
      capture.stop()
    })
    const lines = await allOf(capture)
    assert.equal(await capture.ended, 'by itself')
    assert.ok(last > 0 && last < bytes.length, `${last} of ${bytes.length}`)
    assert.match(lines.at(-1)!, /"type":"bye"/)
    assert.ok(lines.length < 19_000, String(lines.length))
  }))

test('reads no further while its lines are not taken', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'x.pcap')
    const bytes = long(15_000)
    writeFileSync(file, bytes)
    let all = 0
    for await (const line of open(file, null).lines) all += line.length
    assert.ok(all > 2 * MAX_WAITING, String(all))
    let reached = 0
    const lines = open(file, threadOf(), (done) => (reached = done)).lines[Symbol.asyncIterator]()
    let taken = 0
    const take = async (): Promise<boolean> => {
      const next = await lines.next()
      if (next.done !== true) taken += next.value.length
      return next.done !== true
    }
    assert.ok(await take())
    for (let before = -1; reached === 0 || before !== reached;) {
      before = reached
      await sleep(500)
    }
    assert.ok(reached < 0.9 * bytes.length, `${reached} of ${bytes.length}`)
    while (await take());
    assert.equal(taken, all)
  }))

test('what is no capture, or is gone, is an error of the user; a thread that ends by itself is one of ours', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'x.pcap')
    writeFileSync(file, 'no capture at all, but long enough for a header')
    await assert.rejects(allOf(open(file, threadOf())), (error) => {
      assert.ok(error instanceof UserError)
      assert.equal(error.exitCode, 2)
      assert.match(error.message, /x\.pcap/)
      return true
    })
    writeFileSync(file, pcap(threeRequests(), LINKS.Ethernet))
    const unlink = `require('node:fs').unlinkSync(${JSON.stringify(file)})`
    await assert.rejects(allOf(open(file, threadOf(unlink))), UserError)
    writeFileSync(file, pcap(threeRequests(), LINKS.Ethernet))
    await assert.rejects(allOf(open(file, threadOf('process.exit(3)'))), /has ended/)
    await assert.rejects(allOf(open(file, threadOf('throw new Error("broken")'))), /broken/)
  }))

test('a reader that leaves ends it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'x.pcap')
    writeFileSync(file, long(20_000))
    let thread: Worker | undefined
    const capture = open(file, (options) => (thread = threadOf()!(options)))
    for await (const line of capture.lines) if (line !== '') break
    assert.equal(await capture.ended, 'by itself')
    assert.equal(thread!.threadId, -1)
  }))
