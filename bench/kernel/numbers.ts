/** Medians, and where the lines go. */
export async function repeated<T>(times: number, action: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let n = 0; n < times; n++) results.push(await action(n))
  return results
}

export const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(q * values.length) - 1)]!
export const median = (values: readonly number[]): number => quantile(values, 0.5)

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
