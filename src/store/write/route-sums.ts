/** The sums of a minute by (backend, route), found without a look-up if rows have the order of the previous tick. */
import { CountsSum } from '../../frame/sum/sums.generated.ts'
import type { Named } from '../names/known-names.ts'
import type { NamedTraffic } from './span-writer.ts'

interface Entry {
  readonly backend: Named
  readonly route: Named
  readonly sum: CountsSum
  /** the entry after it in the previous tick */
  next: Entry | null
}

export class RouteSums {
  #backends = new Map<Named, Map<Named, Entry>>()
  #entries: Entry[] = []
  /** the first entry of the previous tick */
  #first: Entry | null = null
  #last: Entry | null = null
  #tick = 0

  beginTick(): void {
    this.#last = null
    this.#tick++
  }

  add({ backend, route, counts }: NamedTraffic): void {
    let entry = this.#last === null ? this.#first : this.#last.next
    if (entry?.route !== route || entry.backend !== backend) {
      entry = this.#find(backend, route)
      if (this.#last === null) this.#first = entry
      else this.#last.next = entry
    }
    entry.sum.add(counts, this.#tick)
    this.#last = entry
  }

  /** Valid until the next `clear`: the rows share lists with the sums. */
  rows(): NamedTraffic[] {
    return this.#entries
      .filter(({ sum }) => !sum.isEmpty)
      .map(({ backend, route, sum }) => ({ backend, route, counts: sum.value(this.#tick) }))
  }

  /** Sets the sums to 0. If one was unused in this minute, all entries are dropped. */
  clear(): void {
    if (this.#entries.some(({ sum }) => sum.isEmpty)) this.discard()
    else for (const { sum } of this.#entries) sum.clear()
  }

  /** Names may have other numbers from now on. */
  discard(): void {
    this.#backends = new Map()
    this.#entries = []
    this.#first = null
    this.#last = null
  }

  #find(backend: Named, route: Named): Entry {
    let routes = this.#backends.get(backend)
    if (routes === undefined) this.#backends.set(backend, (routes = new Map<Named, Entry>()))
    let entry = routes.get(route)
    if (entry === undefined) {
      entry = { backend, route, sum: new CountsSum(), next: null }
      routes.set(route, entry)
      this.#entries.push(entry)
    }
    return entry
  }
}
