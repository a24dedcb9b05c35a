/**
 * nginx's p99 under each condition, at a rate far below saturation: no request queues, and small delays show. Three measures,
 * all medians, because a virtual machine sometimes stops (once for 0.2 s), and the p99 of all requests would be that of the
 * hypervisor:
 *   p99 of a round    1 s, so that the recorder's work per second is included; changes if that takes 10 ms
 *   p99 of 50 ms      what is usual in between
 *   p999 of a round   changes if anything takes a millisecond
 * Bootstrap intervals show how reliable each one is.
 */
import { conditions } from './conditions.ts'
import type { Paced } from './load.ts'
import { CONNECTIONS, PACED_SECONDS, RATE } from './load.ts'
import { drawnFrom, median, print, quantile } from './numbers.ts'

/** By condition. */
export type PacedRound = Readonly<Record<string, Paced>>

const DRAWS = 500

export function reportLatency(rounds: readonly PacedRound[], base: string): void {
  print(
    `\nlatency at ${RATE} req/s: an open load over ${CONNECTIONS} connections, ${rounds.length} rounds of ${PACED_SECONDS} s in random order`,
  )
  print('CPUs are kept awake: the time to wake a halted CPU is not included')
  print(
    '  condition          p50 µs   p99 of a round, ÷ nothing [90 %]    p99 of 50 ms, ÷ nothing [90 %]      p999 of a round, ÷ nothing [90 %]',
  )
  const draws = Array.from({ length: DRAWS }, () => rounds.map(() => drawnFrom(rounds)))
  for (const name of Object.keys(conditions)) {
    const columns = [ofRound, ofWindow, ofTail].map((measure) => {
      const micros = measure(rounds, name).toFixed(0).padStart(6)
      return `${micros} µs  ${against(rounds, draws, measure, name, base).padEnd(24)}`
    })
    print(
      `  ${name.padEnd(18)} ${usual(rounds, name).toFixed(0).padStart(6)}  ${columns.join(' ')}`.trimEnd(),
    )
  }
  print('goal: recorder p99 ≤ 1.15; met if its interval ends below that, and "nothing again" is about 1')
}

type Measure = (rounds: readonly PacedRound[], name: string) => number

const usual: Measure = (rounds, name) => median(rounds.map((round) => round[name]!.p50))
const ofRound: Measure = (rounds, name) => median(rounds.map((round) => round[name]!.p99))
const ofTail: Measure = (rounds, name) => median(rounds.map((round) => round[name]!.p999))
const ofWindow: Measure = (rounds, name) => median(rounds.flatMap((round) => round[name]!.windows))

function against(
  rounds: readonly PacedRound[],
  draws: readonly (readonly PacedRound[])[],
  measure: Measure,
  name: string,
  base: string,
): string {
  const ratio = (some: readonly PacedRound[]): number => measure(some, name) / measure(some, base)
  const ratios = draws.map(ratio)
  const [low, high] = [quantile(ratios, 0.05), quantile(ratios, 0.95)]
  return `${ratio(rounds).toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}]`
}
