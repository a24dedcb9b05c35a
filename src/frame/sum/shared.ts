/** What several users have in common, by key: the first of them makes it, and with the last it is forgotten. */
export class Shared<T> {
  readonly #entries = new Map<string, { readonly value: T; users: number }>()

  /** how many different keys are in use */
  get size(): number {
    return this.#entries.size
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  take(key: string, make: () => T): T {
    let entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, (entry = { value: make(), users: 0 }))
    entry.users++
    return entry.value
  }

  /** Of one who took it. @returns whether nobody has it any more */
  release(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined || --entry.users > 0) return false
    return this.#entries.delete(key)
  }
}
