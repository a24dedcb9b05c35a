/** Which packed rows are of a selection: each name is tested once. */
import type { Expression } from '../../../frame/expression/expression.ts'
import { matches } from '../../../frame/expression/selection.ts'
import type { CellNames } from './names.ts'

export class Wanted {
  readonly #routes: boolean[] = []
  readonly #backends: boolean[] = []

  constructor(
    readonly names: CellNames,
    readonly rows: Expression | null,
  ) {}

  route(number: number): boolean {
    return (this.#routes[number] ??= this.#matchesRoute(number))
  }

  /** Of its connections: they have no route. */
  backend(number: number): boolean {
    return (this.#backends[number] ??=
      this.rows === null ||
      matches(this.rows, { backend: this.names.backends[number]!, route: null, outcome: null }))
  }

  #matchesRoute(number: number): boolean {
    if (this.rows === null) return true
    const { backend, route } = this.names.routes[number]!
    return matches(this.rows, { backend: this.names.backends[backend]!, route, outcome: null })
  }
}
