/** Reference-counted values by key: made for the first user, dropped after the last one. */
export class RefCounted<T> {
  readonly #entries = new Map<string, { readonly value: T; users: number }>()

  /** number of keys in use */
  get size(): number {
    return this.#entries.size
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  acquire(key: string, make: () => T): T {
    let entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, (entry = { value: make(), users: 0 }))
    entry.users++
    return entry.value
  }

  /** To be called once per `acquire`. @returns whether this was the last user */
  release(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined || --entry.users > 0) return false
    return this.#entries.delete(key)
  }
}
