/** A capture, from its bytes to the lines of a helper: hello, each second's, a bye; without kernel, root or a process. */
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { usageError, type UserError } from '../../errors.ts'
import { version } from '../../version.ts'
import { WIRE_VERSION } from '../wire.ts'
import { CHUNK, TornArchive, type CaptureBytes } from './bytes.ts'
import { CaptureMachine, type MachineOptions, type Seen } from './machine.ts'
import { Waiting } from './waiting.ts'

export interface CaptureFileOptions extends MachineOptions {
  /** a path, or `-` for standard input */
  readonly file: string
}

/** How far reading is: bytes, of null where that is not known. */
export type ReportReading = (done: number, all: number | null, seen: Seen) => void

/** A capture that arrives while it is made has no packets at times. Its clock goes on behind the wall clock, ms. */
const IDLE_MS = 1000
const BEHIND_MS = 500
/** µs; one whose last packet is older is no capture of this moment. */
const PRESENT = 10_000_000
/** Between two looks at what else is to be done. */
const BUSY_MS = 20

export class Reading {
  readonly #file: string
  readonly #machine: CaptureMachine
  readonly #bytes: CaptureBytes
  readonly #report: ReportReading
  readonly #signal: AbortSignal
  #hasBegun = false

  /** @param signal ends reading: the last tick is the one that was reached */
  constructor(options: CaptureFileOptions, bytes: CaptureBytes, report: ReportReading, signal: AbortSignal) {
    this.#file = options.file
    this.#machine = new CaptureMachine(options)
    this.#bytes = bytes
    this.#report = report
    this.#signal = signal
  }

  async *lines(): AsyncGenerator<Uint8Array> {
    const fault = yield* this.#read()
    if (!this.#hasBegun) throw this.#nothing(fault)
    this.#machine.settle()
    for (const text of this.#remarks(fault))
      yield Buffer.from(`${JSON.stringify({ type: 'remark', text })}\n`)
    this.#machine.end()
    yield this.#machine.takeLines()
  }

  /** @returns why reading ended before the end of the capture, or null */
  async *#read(): AsyncGenerator<Uint8Array, string | null> {
    let rested = performance.now()
    try {
      for await (const length of this.#pieces()) {
        const fault = length === null ? this.#goOn() : this.#machine.read(length, false)
        yield* this.#taken()
        if (fault !== null) return fault
        if (performance.now() - rested > BUSY_MS) {
          this.#report(this.#bytes.done(), this.#bytes.size, this.#machine.seen)
          // Signals, timers and the screen would wait for the end of a file.
          await setImmediate()
          rested = performance.now()
        }
        if (this.#signal.aborted) return null
      }
    } catch (error) {
      if (error instanceof TornArchive) return error.message
      throw error
    }
    const fault = this.#machine.read(0, true)
    yield* this.#taken()
    return fault
  }

  #goOn(): null {
    this.#machine.goOn(Date.now() - BEHIND_MS)
    return null
  }

  /** Lengths of what is in the machine's room. null: a second without bytes, in a capture of this moment. */
  async *#pieces(): AsyncGenerator<number | null> {
    const { plain, size, chunks } = this.#bytes
    if (plain !== null) {
      try {
        for (let n; (n = plain.readInto(this.#machine.room(CHUNK))) > 0;) yield n
      } finally {
        plain.close()
      }
      return
    }
    for await (const chunk of size === null ? this.#withPauses(chunks) : chunks) {
      if (chunk !== null) this.#machine.room(chunk.length).set(chunk)
      yield chunk === null ? null : chunk.length
    }
  }

  async *#withPauses(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | null> {
    const waiting = new Waiting(chunks[Symbol.asyncIterator](), this.#signal)
    for (;;) {
      const next = await waiting.next(IDLE_MS)
      if (next === 'end') return
      if (next !== 'pause') yield next
      else if (this.#isPresent()) yield null
    }
  }

  #isPresent(): boolean {
    const age = Date.now() * 1000 - this.#machine.seen.last
    return this.#hasBegun && Math.abs(age) < PRESENT + IDLE_MS * 1000
  }

  *#taken(): Generator<Uint8Array> {
    const lines = this.#machine.takeLines()
    if (lines.length === 0) return
    if (!this.#hasBegun) yield Buffer.from(`${JSON.stringify(this.#hello())}\n`)
    this.#hasBegun = true
    yield lines
  }

  #hello(): object {
    const { first } = this.#machine.seen
    const name = this.#file === '-' ? 'standard input' : basename(this.#file)
    return {
      type: 'hello',
      wire: WIRE_VERSION,
      version,
      wall_us: first,
      mono_ns: String(first * 1000),
      boot_id: '',
      host: name.replace(/\.(gz|zst)$/, '').replace(/\.(pcapng|pcap|cap)$/, ''),
      kernel: 'capture',
      interfaces: [{ index: 0, name }],
      front_doors: [],
      nginx: 'none',
      warnings: [],
      unseen: [],
    }
  }

  #remarks(fault: string | null): string[] {
    const seen = this.#machine.seen
    const {
      packets,
      segments,
      cut,
      bare,
      missed,
      otherLinks,
      wrapped,
      undecided,
      unasked,
      translated,
      notChosen,
      backwards,
      skippedSeconds,
      undated,
      early,
      late,
    } = seen
    const parts: readonly (readonly [number, string])[] = [
      [cut, 'packets were captured in part: what lies behind is not read (tcpdump -s 0 captures all)'],
      [missed, 'requests are not read: only the beginning of their first line was captured'],
      [bare, 'segments are not read at all: nothing of their payload was captured'],
      [otherLinks, 'packets are of a link type that is not read'],
      [
        segments === 0 ? packets - otherLinks - wrapped : 0,
        'packets, and no segment of TCP was read in them',
      ],
      [
        wrapped,
        'packets are in tunnels (VXLAN, GRE, IPsec or another), and are not read: capture where they have left them',
      ],
      [
        undecided,
        'segments are of connections of which neither side is known to be nginx: --client or --server-port tell',
      ],
      [
        unasked,
        'segments to nginx are not read: nothing that nginx sends in their connections is in the capture before them',
      ],
      [
        translated,
        'segments are of connections that the capture shows before NAT and behind it: they count once, as they were seen first',
      ],
      [notChosen, 'segments are left out by --client or --server-port'],
      [undated, 'packets have a time before 1970 or after 2200, and count at that of the one before them'],
      [backwards, 'packets are older than the one before them, and count at its time'],
      [early, 'segments were captured before what they acknowledge, and count behind it'],
      [
        late,
        'segments of nginx were captured long after their acknowledgement: answers near them may stand with other requests',
      ],
      [
        skippedSeconds,
        'seconds without a packet have no tick of their own: their pauses are one tick each, and gaps of the coverage',
      ],
    ]
    return [
      ...(fault === null ? [] : [`the capture is read up to packet ${packets}: ${fault}`]),
      ...parts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`),
    ]
  }

  #nothing(fault: string | null): UserError {
    const { packets, otherLinks } = this.#machine.seen
    if (fault !== null)
      return usageError(`--pcap "${this.#file}": ${fault}`, "a capture of 'tcpdump -w' or Wireshark")
    return usageError(
      `--pcap "${this.#file}" has no packet that can be read: ${packets} packets, ${otherLinks} of a link type that is not read`,
      'Ethernet, Linux cooked, raw IP, loopback and nflog are read',
    )
  }
}
