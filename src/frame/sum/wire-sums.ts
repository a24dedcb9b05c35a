/** Sums of what packets carried, per backend and wire address. */
import { wireKey } from '../model/aggregate.ts'
import type { WireCounts, WireRow } from '../model/frame.ts'

type Sum = { -readonly [Name in keyof WireRow]: WireRow[Name] }

export class WireSums {
  #isKnown = true
  readonly #sums = new Map<string, Sum>()

  /** @param rows null: a sum with an unknown part is unknown, too */
  add(rows: readonly WireRow[] | null): void {
    if (rows === null) this.#isKnown = false
    else for (const row of rows) this.#addRow(row)
  }

  #addRow(row: WireRow): void {
    const key = wireKey(row)
    const sum = this.#sums.get(key)
    if (sum === undefined) {
      const { backend, wire, connects, requests, failures } = row
      this.#sums.set(key, { backend, wire, connects, requests, failures })
      return
    }
    sum.connects += row.connects
    sum.requests += row.requests
    sum.failures += row.failures
  }

  /** In the order of their first row. Valid until the next `add`. */
  get value(): readonly WireRow[] | null {
    return this.#isKnown ? [...this.#sums.values()] : null
  }
}

export function sumWires(parts: readonly (readonly WireRow[] | null)[]): readonly WireRow[] | null {
  const sums = new WireSums()
  for (const part of parts) sums.add(part)
  return sums.value
}

/** Whether two sums are equal, in any order of their rows. */
export function equalWires(a: readonly WireRow[] | null, b: readonly WireRow[] | null): boolean {
  if (a === null || b === null) return a === b
  const others = new Map(b.map((row) => [wireKey(row), row]))
  return (
    a.length === b.length &&
    a.every((row) => {
      const other = others.get(wireKey(row))
      return (
        other?.connects === row.connects && other.requests === row.requests && other.failures === row.failures
      )
    })
  )
}

export const isWireActive = (row: WireCounts): boolean => wireWeightOf(row) !== 0
export const wireWeightOf = ({ connects, requests, failures }: WireCounts): number =>
  connects + requests + failures
