/** The cells of a range, step by step. */
import type { Micros } from '../../../frame/model/units.ts'
import { CellReader } from './bytes.ts'
import { readCell, type CellSink } from './cell.ts'
import type { CellStore } from './cell-store.ts'
import type { MinutePart } from './reading-plan.ts'
import type { Slices } from './slices.ts'

export interface StepSink extends CellSink {
  /** The cells that follow are of this step, counted from 1970; steps come in order. */
  step(number: number): void
}

export async function visitCells(
  store: CellStore,
  parts: readonly MinutePart[],
  step: Micros,
  sink: StepSink,
  slices: Slices,
): Promise<void> {
  const reader = new CellReader()
  for (const part of parts) {
    for (const { number, bytes } of await cellsOf(store, part, step, slices)) {
      sink.step(number)
      reader.start(bytes, 0)
      readCell(reader, sink)
    }
    await slices.rest()
  }
}

interface Cell {
  readonly number: number
  readonly bytes: Uint8Array
}

async function cellsOf(
  store: CellStore,
  { chunks }: MinutePart,
  step: Micros,
  slices: Slices,
): Promise<readonly Cell[]> {
  const cells: Cell[] = []
  for (const { chunk, only } of chunks) {
    const add = (bytes: Uint8Array | null, start: number): void => {
      if (bytes !== null) cells.push({ number: Math.floor(start / step), bytes })
    }
    if (only === null) add(store.minute(chunk), chunk.ticks[0]!.start)
    else {
      const packed = await store.ticks(chunk, () => slices.rest())
      for (const [i, tick] of chunk.ticks.entries()) if (only(tick)) add(packed[i]!, tick.start)
    }
  }
  // They are in order, but for where the clock was set. The sort is stable.
  return cells.sort((a, b) => a.number - b.number)
}
