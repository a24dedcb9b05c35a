/** Statistics and output of the measurements. */
export async function repeated<T>(times: number, action: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let n = 0; n < times; n++) results.push(await action(n))
  return results
}

export const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[
    Math.max(0, Math.min(values.length - 1, Math.ceil(q * values.length) - 1))
  ]!
export const median = (values: readonly number[]): number => quantile(values, 0.5)
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** A median with its quartiles, which show how reliable it is. */
export const spread = (values: readonly number[], digits = 3): string =>
  values.length === 0
    ? 'none'
    : `${median(values).toFixed(digits)} [${quantile(values, 0.25).toFixed(digits)}–${quantile(values, 0.75).toFixed(digits)}]`

const DRAWS = 1000

/** The mean without the lowest and highest tenth. */
function trimmedMean(values: readonly number[]): number {
  const cut = Math.floor(values.length / 10)
  return mean([...values].sort((a, b) => a - b).slice(cut, values.length - cut))
}

/** The trimmed mean with its 90 % bootstrap interval. */
export function meanOf(values: readonly number[], digits = 3): string {
  if (values.length === 0) return 'none'
  const means = Array.from({ length: DRAWS }, () => trimmedMean(values.map(() => drawnFrom(values))))
  return `${trimmedMean(values).toFixed(digits)} [${quantile(means, 0.05).toFixed(digits)}–${quantile(means, 0.95).toFixed(digits)}]`
}

export const drawnFrom = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!

export function shuffled<T>(values: readonly T[]): T[] {
  const result = [...values]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
