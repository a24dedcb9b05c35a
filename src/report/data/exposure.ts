/**
 * For how long traffic would have been seen. Hosts begin, pause and end at different times: a step in which the host with a third of
 * the traffic did not record is worth two thirds of its seconds. So requests divided by it are the rate over all hosts.
 */
import { wallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

export interface Exposed {
  /** of each host, what it has of the traffic */
  readonly amounts: readonly number[]
  /** of each step */
  readonly seconds: readonly number[]
  /** from the first tick of these hosts to the end of their last */
  readonly recorded: TimeSpan
}

export class Exposure {
  /** of each host, the recorded seconds of each step */
  readonly seconds: readonly number[][]
  readonly #lengths: number[]
  readonly #recorded: TimeSpan[]

  constructor(
    hosts: number,
    readonly count: number,
  ) {
    this.seconds = Array.from({ length: hosts }, () => zeros(count))
    this.#lengths = zeros(hosts)
    this.#recorded = Array.from({ length: hosts }, () => NEVER)
  }

  add(host: number, index: number, seconds: number, span: TimeSpan): void {
    this.seconds[host]![index]! += seconds
    this.#lengths[host]! += seconds
    this.#recorded[host] = union(this.#recorded[host]!, span)
  }

  /** @param amounts of each host, what it has of the traffic in all steps together. Where no host has any, all count alike. */
  of(amounts: readonly number[]): Exposed {
    const rates = this.#lengths.map((length, host) => (length === 0 ? 0 : (amounts[host] ?? 0) / length))
    const whole = rates.reduce((sum, rate) => sum + rate, 0)
    if (whole === 0 && this.#lengths.some((length) => length > 0)) return this.of(this.#lengths)
    const hosts = rates.flatMap((rate, host) => (rate > 0 ? [{ host, weight: rate / whole }] : []))
    return {
      amounts,
      seconds: hosts.length === 1 ? this.seconds[hosts[0]!.host]! : this.#weighted(hosts),
      recorded: hosts.map(({ host }) => this.#recorded[host]!).reduce(union, NEVER),
    }
  }

  #weighted(hosts: readonly { readonly host: number; readonly weight: number }[]): number[] {
    const sums = zeros(this.count)
    for (const { host, weight } of hosts)
      this.seconds[host]!.forEach((seconds, step) => (sums[step]! += weight * seconds))
    return sums
  }
}

const NEVER: TimeSpan = { from: wallMicros(Infinity), to: wallMicros(-Infinity) }

const union = (a: TimeSpan, b: TimeSpan): TimeSpan => ({
  from: wallMicros(Math.min(a.from, b.from)),
  to: wallMicros(Math.max(a.to, b.to)),
})

const zeros = (count: number): number[] => new Array<number>(count).fill(0)
