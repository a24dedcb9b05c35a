/** The port of a capture's metrics. */
import { serveMetrics, type MetricsServer } from '../../metrics/server.ts'
import type { Totals } from '../../metrics/totals.ts'
import type { MetricsOption } from '../values/metrics.ts'

/** Ticks between two tries. */
const TRY_EVERY = 10

/** For a recorder that is always on: where the port is taken it is said, and tried again, while the recording goes on. */
export type Say = (text: string) => void

export class MetricsPort {
  readonly #option: MetricsOption
  readonly #say: Say | null
  #server: MetricsServer | null = null
  #totals: Totals | null = null
  #ticks = 0
  #isTrying = false
  #isClosed = false

  /** @param say null: a port that is taken ends the command */
  constructor(option: MetricsOption, say: Say | null) {
    this.#option = option
    this.#say = say
  }

  get url(): string | null {
    return this.#server?.url ?? null
  }

  /** @throws UserError (exit 4) */
  async open(): Promise<void> {
    await this.#listen().catch((error: unknown) => {
      if (this.#say === null || !(error instanceof Error)) throw error
      this.#say(`${error.message}: it is recorded without metrics, and tried again`)
    })
  }

  show(totals: Totals): void {
    this.#totals = totals
    this.#server?.show(totals)
  }

  tick(): void {
    if (this.#server !== null || this.#isTrying || ++this.#ticks % TRY_EVERY !== 0) return
    this.#isTrying = true
    this.#listen()
      .then(
        () => this.#say?.(`metrics at ${this.url ?? ''}`),
        () => undefined,
      )
      .finally(() => (this.#isTrying = false))
  }

  close(): void {
    this.#isClosed = true
    this.#server?.close()
  }

  async #listen(): Promise<void> {
    const server = await serveMetrics(this.#option, this.#option.text)
    if (this.#isClosed) server.close()
    if (this.#totals !== null) server.show(this.#totals)
    this.#server = server
  }
}
