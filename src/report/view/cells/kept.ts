/** Values by key, of a bounded size together: what was not used for the longest time goes first. */

export class Kept<V> {
  readonly #values = new Map<object, { readonly value: V; readonly size: number }>()
  #size = 0

  constructor(
    readonly most: number,
    readonly sizeOf: (value: V) => number,
  ) {}

  has(key: object): boolean {
    return this.#values.has(key)
  }

  /** @param make is called where there is none */
  of(key: object, make: () => V): V {
    const known = this.#values.get(key)
    const entry = known ?? sized(make(), this.sizeOf)
    // To the end: a Map is in the order of insertion.
    if (known !== undefined) this.#values.delete(key)
    else this.#size += entry.size
    this.#values.set(key, entry)
    this.#dropOldest(key)
    return entry.value
  }

  forget(key: object): void {
    this.#size -= this.#values.get(key)?.size ?? 0
    this.#values.delete(key)
  }

  #dropOldest(kept: object): void {
    for (const key of this.#values.keys()) {
      if (this.#size <= this.most || key === kept) return
      this.forget(key)
    }
  }
}

const sized = <V>(value: V, sizeOf: (value: V) => number): { readonly value: V; readonly size: number } => ({
  value,
  size: sizeOf(value),
})
