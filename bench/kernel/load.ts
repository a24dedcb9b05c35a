/** The clients of one nginx (client.c). Two loads: saturation, for throughput, and a fixed rate far below, for latency. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { compile } from '../../test/kernel/lab/build.ts'
import { ROOT } from '../../test/kernel/lab/system.ts'
import { ended } from './conditions.ts'
import type { Machine } from './machine.ts'

export const SLICE_MS = Number(process.env.SLICE_MS ?? 250)
export const PACED_SECONDS = Number(process.env.PACED_SECONDS ?? 1)
export const CONNECTIONS = 32
/**
 * Requests per second of a busy proxy that answers at once: a tenth of what two slow cores can do, so that no request queues.
 */
export const RATE = Number(process.env.RATE ?? 4000)

const PROGRAM = `${ROOT}build/lab/client`
const CLIENT_CPU = '1'

export interface Saturated {
  readonly requests: number
  readonly perSecond: number
  /** µs */
  readonly p99: number
  /** µs of CPU per request: nginx, backend, clients, recorder, and kernel work for them */
  readonly cpu: number
  /** share of the machine's CPU time used by other processes */
  readonly foreign: number
}

export interface Paced {
  readonly perSecond: number
  /** µs, from the time the request was due */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** µs, the p99 of each 50 ms */
  readonly windows: readonly number[]
  readonly foreign: number
}

export const buildClient = (): Promise<string> =>
  compile('client', 'gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread', `${ROOT}bench/kernel/client.c`)

/** Started once: it waits between loads, and its connections stay open. */
export class Clients {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string, undefined>
  readonly #machine: Machine

  constructor(namespace: string, port: number, machine: Machine) {
    const words = [PROGRAM, '127.0.0.1', String(port), '/api/orders', String(CONNECTIONS)]
    this.#child = spawn('ip', ['netns', 'exec', namespace, 'taskset', '-c', CLIENT_CPU, ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]()
    this.#machine = machine
  }

  async saturate(milliseconds = SLICE_MS): Promise<Saturated> {
    const { result, spent } = await this.#machine.during(() => this.#load(0, milliseconds))
    const { seconds, ...said } = JSON.parse(result) as Pick<Saturated, 'requests' | 'p99'> & {
      seconds: number
    }
    return {
      ...said,
      perSecond: said.requests / seconds,
      cpu: spent.micros / said.requests,
      foreign: spent.foreign,
    }
  }

  async pace(seconds = PACED_SECONDS): Promise<Paced> {
    const { result, spent } = await this.#machine.during(() => this.#load(RATE, seconds * 1000))
    return { ...(JSON.parse(result) as Omit<Paced, 'foreign'>), foreign: spent.foreign }
  }

  async #load(rate: number, milliseconds: number): Promise<string> {
    this.#child.stdin!.write(`${rate} ${milliseconds}\n`)
    const { value } = await this.#lines.next()
    if (value === undefined) throw new Error('the clients ended: see their message above')
    return value
  }

  stop(): Promise<void> {
    return ended(this.#child, 'SIGTERM')
  }
}
