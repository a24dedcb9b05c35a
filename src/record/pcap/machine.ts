/**
 * The flow machine of bpf/, compiled for WebAssembly: bytes of a capture in, the helper's lines out. Its functions are those that
 * bpf/portable/capture.c exports; one instance reads one capture.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemError } from '../../errors.ts'
import { IS_CLONE, PACKAGE } from '../../place.ts'

export interface MachineOptions {
  /** nginx's networks; empty: any */
  readonly clients: readonly Network[]
  /** ports of backends; empty: any */
  readonly serverPorts: readonly number[]
  /** backends in these alone; empty: all */
  readonly only: readonly Network[]
  /** backends that are left out; without an address at any */
  readonly ignore: readonly { readonly address: Uint8Array | null; readonly port: number }[]
  readonly rawRoutes: boolean
  /** rows of the request ring kept per tick */
  readonly requests: number
}

export interface Network {
  readonly address: Uint8Array
  /** bits */
  readonly prefix: number
}

/** What the capture had beside what is recorded. */
export interface Seen {
  readonly packets: number
  readonly bytes: number
  readonly segments: number
  /** packets of which only the beginning was captured */
  readonly cut: number
  /** packets of link types that are not read */
  readonly otherLinks: number
  /** segments of connections of which neither side is known to be nginx */
  readonly undecided: number
  /** segments that --client and --server-port leave out */
  readonly notChosen: number
  /** packets whose time is before that of the packet before */
  readonly backwards: number
  /** requests that are not read, because only the beginning of their first line was captured */
  readonly missed: number
  /** packets of tunnels, and behind tags, that are not read */
  readonly wrapped: number
  /** segments to nginx in connections of which nothing that nginx has sent is in the capture */
  readonly unasked: number
  /** segments of whose payload nothing was captured */
  readonly bare: number
  /** segments of connections that count where they were seen first: before NAT, or behind it */
  readonly translated: number
  /** seconds without a packet that have no tick of their own */
  readonly skippedSeconds: number
  /** packets whose time is before 1970 or after 2200 */
  readonly undated: number
  /** segments that were captured before what they acknowledge, and waited for it */
  readonly early: number
  /** segments of nginx that were captured behind their acknowledgement, by more than is waited for */
  readonly late: number
  /** µs since 1970 */
  readonly first: number
  readonly last: number
}

interface Exports {
  readonly memory: WebAssembly.Memory
  _initialize(): void
  capture_open(seed: bigint, sample: number, rawRoutes: number): void
  capture_client(family: number, prefix: number): void
  capture_only(family: number, prefix: number): void
  capture_ignore(family: number, port: number): void
  capture_server_port(port: number): void
  capture_input(length: number): number
  capture_read(length: number, isLast: number): number
  capture_go_on(ns: bigint): void
  capture_settle(): void
  capture_end(): void
  capture_fault(): number
  capture_output(): number
  capture_output_length(): number
  capture_output_taken(): void
  capture_seen(): number
}

const FILE = fileURLToPath(new URL('build/upstreamtop-capture.wasm', PACKAGE))

export class CaptureMachine {
  readonly #exports: Exports

  /** @throws UserError (exit 4) if it is not built */
  constructor({ clients, serverPorts, only, ignore, rawRoutes, requests }: MachineOptions) {
    this.#exports = instantiate()
    this.#exports.capture_open(randomBytes(8).readBigUInt64LE(), requests, rawRoutes ? 1 : 0)
    const family = (address: Uint8Array): number => {
      this.room(16).set(address)
      return address.length === 4 ? 4 : 6
    }
    for (const { address, prefix } of clients) this.#exports.capture_client(family(address), prefix)
    for (const { address, prefix } of only) this.#exports.capture_only(family(address), prefix)
    for (const { address, port } of ignore)
      this.#exports.capture_ignore(address === null ? 0 : family(address), port)
    for (const port of serverPorts) this.#exports.capture_server_port(port)
  }

  /** Where the next bytes of the capture are to be written: valid until the next call. */
  room(length: number): Uint8Array {
    const at = this.#exports.capture_input(length)
    return new Uint8Array(this.#exports.memory.buffer, at, length)
  }

  /** Reads the bytes that were written. @returns why the capture cannot be read any further, or null */
  read(length: number, isLast: boolean): string | null {
    return this.#exports.capture_read(length, isLast ? 1 : 0) === 0 ? null : this.#fault()
  }

  /** No packet has come until then, ms since 1970. */
  goOn(until: number): void {
    this.#exports.capture_go_on(BigInt(until) * 1_000_000n)
  }

  /** No packet comes any more: what waited for others counts, and is in `seen`. */
  settle(): void {
    this.#exports.capture_settle()
  }

  /** Writes the last tick. */
  end(): void {
    this.#exports.capture_end()
  }

  /** The lines that were written since the last call. */
  takeLines(): Buffer {
    const length = this.#exports.capture_output_length()
    const lines = Buffer.from(
      new Uint8Array(this.#exports.memory.buffer, this.#exports.capture_output(), length),
    )
    this.#exports.capture_output_taken()
    return lines
  }

  get seen(): Seen {
    const fields = new BigUint64Array(this.#exports.memory.buffer, this.#exports.capture_seen(), 19)
    const at = (index: number): number => Number(fields[index])
    return {
      packets: at(0),
      bytes: at(1),
      segments: at(2),
      cut: at(3),
      otherLinks: at(4),
      undecided: at(5),
      notChosen: at(6),
      backwards: at(7),
      first: Number(fields[8]! / 1000n),
      last: Number(fields[9]! / 1000n),
      missed: at(10),
      wrapped: at(11),
      unasked: at(12),
      bare: at(13),
      translated: at(14),
      skippedSeconds: at(15),
      undated: at(16),
      early: at(17),
      late: at(18),
    }
  }

  #fault(): string {
    const at = this.#exports.capture_fault()
    const text = Buffer.from(this.#exports.memory.buffer, at, 256)
    return text.toString('latin1', 0, text.indexOf(0))
  }
}

/** It asks for no file, no clock and no random numbers: what the C library imports is refused. */
function instantiate(): Exports {
  if (!existsSync(FILE))
    throw systemError(
      `there is no "${FILE}", which reads captures`,
      IS_CLONE ? "run 'make build'" : 'install upstreamtop again',
    )
  const module = new WebAssembly.Module(readFileSync(FILE))
  const imports: Record<string, Record<string, (...values: number[]) => number>> = {}
  for (const { module: from, name } of WebAssembly.Module.imports(module))
    (imports[from] ??= {})[name] = name === 'proc_exit' ? ended : () => BAD_DESCRIPTOR
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports
  exports._initialize()
  return exports
}

/** of WASI */
const BAD_DESCRIPTOR = 8

function ended(code: number): never {
  throw new Error(`the machine that reads captures has ended with code ${code}: out of memory?`)
}
