/**
 * nginx's p99 beside each condition, at a rate far below saturation, in two ways:
 *   of all       a second has too few slow requests to tell, so the p99 is that of all rounds together
 *   typical      the median of the p99s of 50 ms each. What is virtual stands still for some ms now and then, and then the p99
 *                of all is that of the machine beneath. A median does not see what happens in less than half of them: a burst
 *                once a second is the other's business
 * How far each can be trusted is seen by drawing rounds again (bootstrap).
 */
import { conditions } from './conditions.ts'
import type { Paced } from './load.ts'
import { CONNECTIONS, PACED_SECONDS, RATE } from './load.ts'
import { median, print, quantile } from './numbers.ts'

/** By condition. */
export type PacedRound = Readonly<Record<string, Paced>>

const DRAWS = 500

export function reportLatency(rounds: readonly PacedRound[], base: string): void {
  print(
    `\nlatency at ${RATE} req/s: an open load over ${CONNECTIONS} connections, ${rounds.length} rounds of ${PACED_SECONDS} s in random order`,
  )
  print('  condition          p50 µs   p99 µs   p99 ÷ nothing [90 %]    typical   typical ÷ nothing [90 %]')
  const draws = Array.from({ length: DRAWS }, () => rounds.map(() => rounds[randomBelow(rounds.length)]!))
  for (const name of Object.keys(conditions)) {
    const all = (some: readonly PacedRound[]): number => pooled(some, name, 0.99)
    const usual = (some: readonly PacedRound[]): number => typical(some, name)
    const ofAll = against(rounds, draws, all, (some) => pooled(some, base, 0.99))
    const ofUsual = against(rounds, draws, usual, (some) => typical(some, base))
    print(
      `  ${name.padEnd(18)} ${pooled(rounds, name, 0.5).toFixed(0).padStart(6)}   ${all(rounds).toFixed(0).padStart(6)}   ${ofAll.padEnd(23)} ` +
        `${usual(rounds).toFixed(0).padStart(6)}   ${ofUsual}`,
    )
  }
  print('goal: recorder p99 ≤ 1.15; shown where its interval ends below, and nothing again is about 1')
}

type Measure = (rounds: readonly PacedRound[]) => number

function against(
  rounds: readonly PacedRound[],
  draws: readonly (readonly PacedRound[])[],
  measure: Measure,
  base: Measure,
): string {
  const ratios = draws.map((draw) => measure(draw) / base(draw))
  const [low, high] = [quantile(ratios, 0.05), quantile(ratios, 0.95)]
  return `${(measure(rounds) / base(rounds)).toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}]`
}

const typical = (rounds: readonly PacedRound[], name: string): number =>
  median(rounds.flatMap((round) => round[name]!.windows))

const randomBelow = (n: number): number => Math.floor(Math.random() * n)

/** A quantile of all requests of a condition, in µs, right to a thirty-second. */
function pooled(rounds: readonly PacedRound[], name: string, q: number): number {
  const counts = new Float64Array(1024)
  let total = 0
  for (const round of rounds) {
    const { buckets } = round[name]!
    for (let i = 0; i < buckets.length; i += 2) {
      counts[buckets[i]!]! += buckets[i + 1]!
      total += buckets[i + 1]!
    }
  }
  let seen = 0
  const bucket = counts.findIndex((count) => (seen += count) >= q * total)
  return middleOf(bucket)
}

/** As paced.c numbers them. */
function middleOf(bucket: number): number {
  const octave = bucket < 64 ? 0 : (bucket >> 5) - 1
  return (bucket - octave * 32 + 0.5) * 2 ** octave
}
