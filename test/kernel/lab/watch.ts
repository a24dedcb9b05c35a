/** Runs the helper in a namespace and decodes its output into frames. */
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Aggregate } from '../../../src/frame/model/aggregate.ts'
import { Differ } from '../../../src/frame/sum/diff.ts'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import type { Snapshot } from '../../../src/frame/model/snapshot.ts'
import { Decoder } from '../../../src/record/decoder.ts'
import type { HelloLine } from '../../../src/record/wire.ts'
import { BESIDE, captureBeside } from './beside.ts'
import { BY_GROUP, PROBE } from './system.ts'
import { wiresOf, type Wires } from './wires.ts'

export interface Seen {
  readonly hello: HelloLine
  readonly frames: readonly SecondFrame[]
  /** the sum of all frames */
  readonly sum: Aggregate
  /** the last snapshot: exact */
  readonly final: Snapshot
  readonly bye: string | null
  /** retired slots, in order */
  readonly retired: readonly number[]
  /** the sums of all wires */
  readonly wires: Wires
  /** ids of retired wires, in order */
  readonly retiredWires: readonly number[]
  /** retired backends, by address, in order */
  readonly retiredBackends: readonly string[]
  /** what the helper has called each address, one after the other; null: unknown */
  readonly names: Names
  readonly remarks: readonly string[]
}

export type Names = Readonly<Record<string, readonly (readonly string[] | null)[]>>

/** A running helper. */
export interface Helper {
  readonly pid: number
  readonly hello: HelloLine
  /** the frames so far */
  readonly frames: readonly SecondFrame[]
  /** the remarks so far */
  readonly remarks: readonly string[]
  /** what each address is called now; null: unknown */
  names(): Readonly<Record<string, readonly string[] | null>>
  /** resolves with the next frame */
  nextFrame(): Promise<SecondFrame>
  stop(): Promise<Seen>
  /** sends SIGKILL; resolves at its end */
  kill(): Promise<void>
}

/** Starts the helper, runs `during`, waits 150 ms for segments under way, and stops the helper. */
export async function watch(
  namespace: string,
  during: (helper: Helper) => Promise<unknown>,
  args: readonly string[] = [],
  program: string = PROBE,
): Promise<Seen> {
  const beside = BESIDE ? await captureBeside(namespace, args) : null
  const helper = await startHelper(namespace, args, program)
  try {
    await during(helper)
    await sleep(150)
  } catch (error) {
    await helper.kill()
    await beside?.cancel()
    throw error
  }
  const seen = await helper.stop()
  await beside?.compare(seen)
  return seen
}

export async function startHelper(
  namespace: string,
  args: readonly string[] = [],
  program: string = PROBE,
): Promise<Helper> {
  const child = spawn('ip', ['netns', 'exec', namespace, ...byGroup([program, ...args])], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => undefined)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const wire = new WireReader(
    BY_GROUP && !args.includes('--attach') ? statSync(`/run/netns/${namespace}`).ino : null,
  )
  createInterface({ input: child.stdout, crlfDelay: Infinity }).on('line', (line) => wire.read(line))
  await Promise.race([wire.until((seen) => seen.final !== null), exited])
  if (wire.hello === null || child.pid === undefined) throw new Error(`the helper did not start: ${stderr}`)
  return {
    pid: child.pid,
    hello: wire.hello,
    frames: wire.frames,
    remarks: wire.remarks,
    names: () =>
      Object.fromEntries(
        Object.entries(wire.namesIn(namespace)).map(([address, names]) => [address, names.at(-1)!]),
      ),
    async nextFrame() {
      const count = wire.frames.length + 1
      await Promise.race([wire.until((seen) => seen.frames.length >= count), exited])
      return wire.frames.at(-1)!
    },
    async stop() {
      child.stdin.end()
      await exited
      if (child.exitCode !== 0)
        throw new Error(`the helper ended with ${child.exitCode ?? child.signalCode}: ${stderr}`)
      return { ...wire.seen(), names: wire.namesIn(namespace) }
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** `LAB_ATTACH=cgroup` runs the tests by control group, where the helper by itself would take interfaces. */
function byGroup(words: readonly string[]): readonly string[] {
  const program = words.findIndex((word) => word.endsWith('/upstreamtop-probe'))
  if (!BY_GROUP || words.includes('--iface') || words.includes('--attach') || program < 0) return words
  return words.toSpliced(program + 1, 0, '--attach', 'cgroup')
}

/** The rows of one network namespace: by control group those of all are seen, other tests' too. */
const ofNamespace = (frame: SecondFrame, netns: number): SecondFrame => ({
  ...frame,
  traffic: frame.traffic.filter(({ backend }) => backend.netns === netns),
  connections: frame.connections.filter(({ backend }) => backend.netns === netns),
  requests: frame.requests.filter(({ backend }) => backend.netns === netns),
  wires: frame.wires?.filter(({ backend }) => backend.netns === netns) ?? null,
})

const BACKEND = /^\{"type":"backend","id":(\d+),"address":"([^"]+)"/

interface NamedBackend {
  readonly address: string
  readonly netns: number
  readonly names?: readonly string[]
}

class WireReader {
  hello: HelloLine | null = null
  final: Snapshot | null = null
  readonly frames: SecondFrame[] = []
  readonly #decoder = new Decoder()
  readonly #namespace: number | null
  #differ: Differ | null = null
  #bye: string | null = null
  readonly #retired: number[] = []
  readonly #addresses = new Map<number, string>()
  /** by network namespace */
  readonly #names = new Map<number, Record<string, (readonly string[] | null)[]>>()
  readonly #retiredBackends: string[] = []
  readonly #retiredWires: number[] = []
  #renamed = 0
  readonly remarks: string[] = []
  #wake: () => void = () => undefined

  /** @param namespace the one whose rows count; null: all */
  constructor(namespace: number | null) {
    this.#namespace = namespace
  }

  read(line: string): void {
    const before = this.#decoder.malformed
    const decoded = this.#decoder.decode(line)
    const known = BACKEND.exec(line)
    // A backend that is named anew, which a decoder without names takes for a wrong line.
    if (known !== null && this.#addresses.has(Number(known[1])))
      this.#renamed += this.#decoder.malformed - before
    if (known !== null) this.#name(Number(known[1]), JSON.parse(line) as NamedBackend)
    if (decoded.kind === 'hello') this.hello = decoded.hello
    if (decoded.kind === 'bye') this.#bye = decoded.reason
    if (decoded.kind === 'remark') this.remarks.push(decoded.text)
    if (decoded.kind === 'retired') this.#retire(decoded.slot)
    if (decoded.kind === 'retired_wire') this.#retireWire(decoded.id)
    if (decoded.kind === 'retired_backend') this.#retireBackend(decoded.backend)
    if (decoded.kind === 'snapshot') {
      this.final = decoded.snapshot
      if (this.#differ === null) this.#differ = new Differ(decoded.snapshot)
      else this.#add(this.#differ.next(decoded.snapshot))
    }
    this.#wake()
  }

  #name(id: number, { address, netns, names }: NamedBackend): void {
    this.#addresses.set(id, address)
    const inNamespace = this.#names.get(netns) ?? {}
    ;(inNamespace[address] ??= []).push(names ?? null)
    this.#names.set(netns, inNamespace)
  }

  namesIn(namespace: string): Names {
    return this.#names.get(statSync(`/run/netns/${namespace}`).ino) ?? {}
  }

  /** Our helper must not write a line that the decoder skips. */
  #add(frame: SecondFrame | null): void {
    const bad = this.#decoder.malformed - this.#renamed + this.#decoder.badRows + (this.#differ?.badRows ?? 0)
    if (frame === null || bad > 0) throw new Error(`the helper wrote invalid output: ${bad} lines and rows`)
    this.frames.push(this.#namespace === null ? frame : ofNamespace(frame, this.#namespace))
  }

  #retire(slot: number): void {
    this.#differ?.retire(slot)
    this.#retired.push(slot)
  }

  #retireWire(id: number): void {
    this.#differ?.retireWire(id)
    this.#retiredWires.push(id)
  }

  #retireBackend(id: number): void {
    this.#differ?.retireBackend(id)
    this.#retiredBackends.push(this.#addresses.get(id)!)
  }

  async until(condition: (wire: WireReader) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  seen(): Omit<Seen, 'names'> {
    const { hello, final, frames } = this
    if (hello === null || final === null) throw new Error('the helper wrote no hello or no snapshot')
    const sum = sumOf(frames.map(ofFrame))
    return {
      hello,
      final,
      frames,
      sum,
      bye: this.#bye,
      retired: this.#retired,
      retiredBackends: this.#retiredBackends,
      wires: wiresOf(sum),
      retiredWires: this.#retiredWires,
      remarks: this.remarks,
    }
  }
}
