/** Values by key. The look-up by object identity is faster and comes first: within a recording, equal backends are the same object. */
export class Interned<K extends object, V> {
  readonly #byObject = new Map<K, V>()
  readonly #byKey = new Map<string, V>()

  constructor(
    readonly keyOf: (name: K) => string,
    readonly create: (name: K) => V,
  ) {}

  of(name: K): V {
    let value = this.#byObject.get(name)
    if (value === undefined) this.#byObject.set(name, (value = this.#byKeyOf(name)))
    return value
  }

  /** In the order of their first use. */
  get values(): V[] {
    return [...this.#byKey.values()]
  }

  #byKeyOf(name: K): V {
    const key = this.keyOf(name)
    let value = this.#byKey.get(key)
    if (value === undefined) this.#byKey.set(key, (value = this.create(name)))
    return value
  }
}
