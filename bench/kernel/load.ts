/** The two loads: all that nginx can do, for throughput, and a fixed rate far below that, for latency. */
import { inside, ROOT, sh } from '../../test/kernel/lab/system.ts'
import type { Machine } from './machine.ts'

export const SECONDS = Number(process.env.SECONDS ?? 1)
export const PACED_SECONDS = Number(process.env.PACED_SECONDS ?? 3)
export const CONNECTIONS = 32
/** A proxy that is busy, with room to answer at once: a tenth of what two slow cores can do, so that nobody waits in a queue. */
export const RATE = Number(process.env.RATE ?? 4000)

const PACED = `${ROOT}build/lab/paced`
const CLIENT_CPU = '1'

export interface Saturated {
  readonly requests: number
  readonly perSecond: number
  /** µs of CPU per request: nginx, backend, clients, recorder, and the kernel's work on their behalf */
  readonly cpu: number
  /** of the machine's CPUs, what went to others than us */
  readonly foreign: number
}

export interface Paced {
  readonly perSecond: number
  /** µs, from the moment at which the request was due */
  readonly p50: number
  readonly p99: number
  /** µs, the p99 of each 50 ms */
  readonly windows: readonly number[]
  readonly foreign: number
}

export const buildPaced = (): Promise<string> =>
  sh('gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread', `${ROOT}bench/kernel/paced.c`, '-o', PACED)

/** A closed load by wrk. */
export async function saturate(
  namespace: string,
  port: number,
  machine: Machine,
  seconds = SECONDS,
): Promise<Saturated> {
  const url = `http://127.0.0.1:${port}/api/orders`
  const words = ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, url]
  const { result, spent } = await machine.during(() =>
    inside(namespace, 'taskset', '-c', CLIENT_CPU, ...words),
  )
  const errors = /(Non-2xx|Socket errors).*/.exec(result)
  if (errors !== null) throw new Error(`wrk: ${errors[0]}`)
  const requests = Number(/(\d+) requests in/.exec(result)?.[1])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(result)?.[1])
  return { requests, perSecond, cpu: spent.micros / requests, foreign: spent.foreign }
}

/** An open load by our own client (paced.c). */
export async function pace(
  namespace: string,
  port: number,
  machine: Machine,
  seconds = PACED_SECONDS,
): Promise<Paced> {
  const words = ['127.0.0.1', port, '/api/orders', RATE, CONNECTIONS, seconds].map(String)
  const { result, spent } = await machine.during(() =>
    inside(namespace, 'taskset', '-c', CLIENT_CPU, PACED, ...words),
  )
  return { ...(JSON.parse(result) as Omit<Paced, 'foreign'>), foreign: spent.foreign }
}
