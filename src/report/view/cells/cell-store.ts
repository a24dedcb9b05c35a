/** The cells of a recording: read when they are needed, kept as long as there is room. */
import type { Recording } from '../../../frame/model/recording.ts'
import type { Span } from '../../../frame/model/span.ts'
import { RunningSum } from '../../../frame/sum/running-sum.ts'
import { spansOf } from '../../data/source.ts'
import { packCell } from './cell.ts'
import { chunksOf, isSameChunk, rangeOf, type Chunk } from './chunks.ts'
import { Kept } from './kept.ts'
import { CellNames } from './names.ts'

/** Packed cells, one for each tick of a chunk; null: the tick cannot be read. */
export type TickCells = readonly (Uint8Array | null)[]

/** Bytes of packed cells. A day of 2.6 million rows has 5 MB of minutes, and 51 MB of ticks. */
const MINUTES_BYTES = 32e6
const TICKS_BYTES = 32e6

export class CellStore {
  readonly names = new CellNames()
  readonly #minutes = new Kept<Uint8Array | null>(MINUTES_BYTES, (cell) => cell?.length ?? 0)
  readonly #ticks = new Kept<TickCells>(TICKS_BYTES, bytesOf)
  #chunks: readonly Chunk[] = []
  #current: ReadonlySet<Chunk> = new Set()

  constructor(readonly recording: Recording) {
    this.refresh()
  }

  get chunks(): readonly Chunk[] {
    return this.#chunks
  }

  /** To be called when the recording has other ticks. What was packed of minutes that stayed the same is kept. */
  refresh(): void {
    const known = new Map(this.#chunks.map((chunk) => [chunk.ticks[0]!.seq, chunk]))
    const chunks = chunksOf(this.recording.ticks).map((chunk) => {
      const before = known.get(chunk.ticks[0]!.seq)
      return before !== undefined && isSameChunk(before, chunk) ? before : chunk
    })
    this.#current = new Set(chunks)
    for (const chunk of this.#chunks) if (!this.#current.has(chunk)) this.#forget(chunk)
    this.#chunks = chunks
  }

  hasMinute = (chunk: Chunk): boolean => this.#minutes.has(chunk)
  hasTicks = (chunk: Chunk): boolean => this.#ticks.has(chunk)

  /** null: none of its ticks can be read @param spans those of the chunk, if they were read already */
  minute(chunk: Chunk, spans?: readonly Span[]): Uint8Array | null {
    const read = (): Uint8Array | null => {
      const span = sumOfSpans(spans ?? spansOf(this.recording, rangeOf(chunk)))
      return span === null ? null : packCell(span, this.names)
    }
    return this.#current.has(chunk) ? this.#minutes.of(chunk, read) : read()
  }

  /** Reads them unless they are here: a tick takes a millisecond, so this rests between them. */
  async ticks(chunk: Chunk, rest: () => Promise<void>): Promise<TickCells> {
    if (!this.hasTicks(chunk)) {
      const cells: (Uint8Array | null)[] = []
      for (const { seq } of chunk.ticks) {
        const [span] = spansOf(this.recording, { from: seq, to: seq + 1 })
        cells.push(span === undefined ? null : packCell(span, this.names))
        await rest()
      }
      // If the recording has grown meanwhile, this chunk is none of its own any more.
      if (!this.#current.has(chunk)) return cells
      return this.#ticks.of(chunk, () => cells)
    }
    return this.#ticks.of(chunk, () => [])
  }

  #forget(chunk: Chunk): void {
    this.#minutes.forget(chunk)
    this.#ticks.forget(chunk)
  }
}

/** What a small array costs beside its bytes. */
const OVERHEAD = 100

const bytesOf = (cells: TickCells): number =>
  cells.reduce((sum, cell) => sum + OVERHEAD + (cell?.length ?? 0), 0)

/** Nearly always one: the rollup. */
function sumOfSpans(spans: readonly Span[]): Span | null {
  if (spans.length < 2) return spans[0] ?? null
  const sum = new RunningSum()
  for (const span of spans) sum.add(span)
  const { total } = sum
  return {
    ...total,
    traffic: total.backends.flatMap(({ backend, routes }) => routes.map((route) => ({ ...route, backend }))),
    connections: total.backends.map(({ backend, connection }) => ({ ...connection, backend })),
  }
}
