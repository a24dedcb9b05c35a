/**
 * nginx's p99 beside each condition, at a rate far below saturation. A second has too few slow requests to tell: the p99 is that of
 * all rounds together, and how far it can be trusted is seen by drawing rounds again (bootstrap).
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
  print('  condition          p50 µs   p99 µs   p99 ÷ nothing [90 %]    median of rounds')
  const draws = Array.from({ length: DRAWS }, () => rounds.map(() => rounds[randomBelow(rounds.length)]!))
  for (const name of Object.keys(conditions)) {
    const ratios = draws.map((draw) => pooled(draw, name, 0.99) / pooled(draw, base, 0.99))
    const ratio = pooled(rounds, name, 0.99) / pooled(rounds, base, 0.99)
    const span = `${ratio.toFixed(2)} [${quantile(ratios, 0.05).toFixed(2)}–${quantile(ratios, 0.95).toFixed(2)}]`
    const middle = median(rounds.map((round) => round[name]!.p99 / round[base]!.p99))
    print(
      `  ${name.padEnd(18)} ${pooled(rounds, name, 0.5).toFixed(0).padStart(6)}   ${pooled(rounds, name, 0.99).toFixed(0).padStart(6)}   ` +
        `${span.padEnd(23)} ${middle.toFixed(2)}`,
    )
  }
  print('goal: recorder p99 ≤ 1.15; shown where its interval ends below, and nothing again is about 1')
}

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
