/** Values by key. The look-up by object identity is faster and comes first: within a recording, equal backends are the same object. */
export class Interned<K extends object, V> {
  readonly #byObject = new Map<K, V>()
  readonly #byKey = new Map<string, V>()

  constructor(
    readonly keyOf: (name: K) => string,
    readonly create: (name: K) => V,
    /** called for another object with the key of a value */
    readonly meet: (value: V, name: K) => void = () => undefined,
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
    else this.meet(value, name)
    return value
  }
}
