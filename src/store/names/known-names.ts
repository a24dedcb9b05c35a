/**
 * The writer's names by number. A recorder runs for months, so only names in use stay in memory: if there are more than MAX_NAMES, a name
 * that no tick used for an hour is dropped, and its row is deleted together with the last tick that uses it. If the name comes back,
 * it gets another number.
 */
import { foldText, SEED } from '../format/checksum.ts'

/** The number of a name, which orders rows, and its hash for checksums. */
export interface Named {
  readonly id: number
  readonly hash: number
}

interface Known<T> extends Named {
  readonly key: string
  readonly value: T
  /** the last tick that used it */
  lastUsed: number
  isDropped: boolean
}

export interface NameTable<T> {
  readonly keyOf: (value: T) => string
  /** the text that checksums cover */
  readonly checkedOf: (value: T) => string
  readonly insert: (id: number, value: T) => void
  readonly remove: (id: number) => void
}

/** Size of the cache by id, a power of two. Most hosts use fewer names at once. */
const RECENT = 4096
const MAX_OBJECTS = 200_000
/** Up to this many names, none is dropped. */
const MAX_NAMES = 10_000
/** An hour, in ticks. The rollup of a minute uses the names of its ticks, and is written long before. */
const UNUSED_TICKS = 3600
/** Names checked, and rows deleted, per tick at most. A kernel table that is full of random paths retires 55 routes per second. */
const MAX_PER_TICK = 1024

export class KnownNames<T extends { readonly id: number }> {
  /** the first look-up is by object: a source uses one object per name, with small, dense ids */
  #objects = new Map<T, Known<T>>()
  readonly #recentValues = new Array<T | null>(RECENT).fill(null)
  readonly #recentNames = new Array<Known<T> | null>(RECENT).fill(null)
  readonly #keys = new Map<string, Known<T>>()
  #inserted: string[] = []
  #next = 1
  #tick: number
  #cursor: Iterator<Known<T>, undefined>
  /** dropped names with rows in the file, roughly by last use; this tick deletes the first `#removed` of them */
  #dropped: Known<T>[] = []
  #removed = 0

  /** @param tick the number of the next tick */
  constructor(
    known: readonly T[],
    tick: number,
    readonly table: NameTable<T>,
  ) {
    this.#tick = tick
    for (const value of known) {
      this.#add(value.id, value)
      this.#next = Math.max(this.#next, value.id + 1)
    }
    this.#cursor = this.#keys.values()
  }

  /** Tries an array by id first: a look-up in a Map by object takes longer than all other work on a request. */
  named(value: T): Named {
    const at = value.id & (RECENT - 1)
    const recent = this.#recentNames[at]
    if (this.#recentValues[at] === value && recent?.isDropped === false) {
      recent.lastUsed = this.#tick
      return recent
    }
    const known = this.#find(value)
    known.lastUsed = this.#tick
    this.#recentValues[at] = value
    this.#recentNames[at] = known
    return known
  }

  /** Call within the transaction of a tick. @param oldest the first tick that the file still has; null: no tick is ever evicted */
  removeUnused(oldest: number | null): void {
    for (let i = 0; i < MAX_PER_TICK && this.#keys.size > MAX_NAMES; i++) {
      const { done, value: known } = this.#cursor.next()
      if (done === true) {
        this.#cursor = this.#keys.values()
        break
      }
      if (known.lastUsed >= this.#tick - UNUSED_TICKS) continue
      known.isDropped = true
      this.#keys.delete(known.key)
      if (oldest !== null) this.#dropped.push(known)
    }
    if (oldest === null) return
    while (
      this.#removed < Math.min(MAX_PER_TICK, this.#dropped.length) &&
      this.#dropped[this.#removed]!.lastUsed < oldest
    )
      this.table.remove(this.#dropped[this.#removed++]!.id)
  }

  commit(): void {
    this.#tick++
    if (this.#inserted.length > 0) this.#inserted = []
    if (this.#removed > 0) this.#dropped = this.#dropped.slice(this.#removed)
    this.#removed = 0
  }

  /** Removes the names that the rolled back transaction inserted. */
  rollback(): void {
    for (const key of this.#inserted) this.#keys.delete(key)
    this.#next -= this.#inserted.length
    this.#inserted = []
    this.#removed = 0
    this.#objects = new Map()
    this.#recentValues.fill(null)
  }

  #find(value: T): Known<T> {
    const found = this.#objects.get(value)
    if (found?.isDropped === false) return found
    const key = this.table.keyOf(value)
    let known = this.#keys.get(key)
    if (known === undefined) {
      known = this.#add(this.#next++, value)
      this.#inserted.push(key)
      this.table.insert(known.id, value)
    }
    if (this.#objects.size > MAX_OBJECTS) this.#objects = new Map()
    this.#objects.set(value, known)
    return known
  }

  #add(id: number, value: T): Known<T> {
    const key = this.table.keyOf(value)
    const hash = foldText(SEED, this.table.checkedOf(value))
    const known = { id, hash, key, value, lastUsed: this.#tick, isDropped: false }
    this.#keys.set(key, known)
    return known
  }
}
