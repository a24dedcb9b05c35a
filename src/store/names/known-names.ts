/**
 * The writer's names by number: what was used of late, so that a recorder of months remembers what there is and not what there was.
 * Where there are many, a name that was away for an hour is forgotten, and its row goes with the last tick that needed it; if it comes
 * back, it gets another number.
 */
import { foldText, SEED } from '../format/checksum.ts'

/** A row's place in the key order, and what its names add to the checksum. */
export interface Named {
  readonly id: number
  readonly hash: number
}

interface Known<T> extends Named {
  readonly key: string
  readonly value: T
  /** the tick that named it last */
  used: number
  isForgotten: boolean
}

export interface NameTable<T> {
  readonly keyOf: (value: T) => string
  readonly insert: (id: number, value: T) => void
  readonly change: (id: number, before: T, now: T) => void
  readonly remove: (id: number) => void
}

/** A power of two: more than are busy at once on most hosts. */
const RECENT = 4096
const MOST_OBJECTS = 200_000
/** So many are no burden. */
const MOST_KNOWN = 10_000
/** Ticks. A minute's rollup, which names what its ticks named, is long written. */
const FORGET_AFTER = 3600
/** Looked at and removed a tick at most: a kernel table that is full of random paths gives up 55 a second. */
const SWEPT = 1024

export class KnownNames<T extends { readonly id: number }> {
  /** by object first: a source interns its names, and its ids are small and dense */
  #objects = new Map<T, Known<T>>()
  readonly #recentValues = new Array<T | null>(RECENT).fill(null)
  readonly #recentNames = new Array<Known<T> | null>(RECENT).fill(null)
  readonly #keys = new Map<string, Known<T>>()
  #fresh: string[] = []
  #next = 1
  #tick: number
  #sweep: Iterator<Known<T>, undefined>
  /** forgotten ones whose rows still stand, in about the order of their last use; the first `#removed` of them go with this tick */
  #standing: Known<T>[] = []
  #removed = 0

  /** @param tick the next one */
  constructor(
    known: readonly T[],
    tick: number,
    readonly table: NameTable<T>,
  ) {
    this.#tick = tick
    for (const value of known) {
      this.#remember(value.id, value)
      this.#next = Math.max(this.#next, value.id + 1)
    }
    this.#sweep = this.#keys.values()
  }

  /** A look-up in a Map by object takes longer than all else that is done with a request. */
  named(value: T): Named {
    const at = value.id & (RECENT - 1)
    const recent = this.#recentNames[at]
    if (this.#recentValues[at] === value && recent?.isForgotten === false) {
      recent.used = this.#tick
      return recent
    }
    const known = this.#find(value)
    known.used = this.#tick
    this.#recentValues[at] = value
    this.#recentNames[at] = known
    return known
  }

  /** Within the transaction of a tick. @param oldest the first tick that the file still has; null: it keeps all of them */
  forget(oldest: number | null): void {
    for (let i = 0; i < SWEPT && this.#keys.size > MOST_KNOWN; i++) {
      const { done, value: known } = this.#sweep.next()
      if (done === true) {
        this.#sweep = this.#keys.values()
        break
      }
      if (known.used >= this.#tick - FORGET_AFTER) continue
      known.isForgotten = true
      this.#keys.delete(known.key)
      if (oldest !== null) this.#standing.push(known)
    }
    if (oldest === null) return
    while (
      this.#removed < Math.min(SWEPT, this.#standing.length) &&
      this.#standing[this.#removed]!.used < oldest
    )
      this.table.remove(this.#standing[this.#removed++]!.id)
  }

  commit(): void {
    this.#tick++
    if (this.#fresh.length > 0) this.#fresh = []
    if (this.#removed > 0) this.#standing = this.#standing.slice(this.#removed)
    this.#removed = 0
  }

  /** The transaction was rolled back: forget what it inserted. */
  rollback(): void {
    for (const key of this.#fresh) this.#keys.delete(key)
    this.#next -= this.#fresh.length
    this.#fresh = []
    this.#removed = 0
    this.#objects = new Map()
    this.#recentValues.fill(null)
  }

  #find(value: T): Known<T> {
    const met = this.#objects.get(value)
    if (met?.isForgotten === false) return met
    const key = this.table.keyOf(value)
    let known = this.#keys.get(key)
    if (known === undefined) {
      known = this.#remember(this.#next++, value)
      this.#fresh.push(key)
      this.table.insert(known.id, value)
    } else this.table.change(known.id, known.value, value)
    if (this.#objects.size > MOST_OBJECTS) this.#objects = new Map()
    this.#objects.set(value, known)
    return known
  }

  #remember(id: number, value: T): Known<T> {
    const key = this.table.keyOf(value)
    const known = { id, hash: foldText(SEED, key), key, value, used: this.#tick, isForgotten: false }
    this.#keys.set(key, known)
    return known
  }
}
