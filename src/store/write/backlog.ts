/** Ticks that wait while the disk is full, at most a minute. Beyond that the oldest are dropped, and the file has a gap. */
import type { GapReason, SecondFrame } from '../../frame/model/frame.ts'
import { isFull } from '../sqlite/database.ts'

export interface PendingTick {
  readonly frame: SecondFrame
  readonly gapBefore: GapReason | null
}

const MAX_TICKS = 60

export class Backlog {
  #pending: PendingTick[] = []
  #lost = 0
  #isDiskFull = false

  constructor(readonly warn: (text: string) => void) {}

  /** The disk was full at the last write. */
  get isDiskFull(): boolean {
    return this.#isDiskFull
  }

  push(tick: PendingTick): void {
    this.#pending.push(tick)
  }

  /** Writes the waiting ticks, oldest first, until the disk is full. @throws the other errors of `write` */
  drain(write: (tick: PendingTick) => void): void {
    try {
      for (let tick = this.#pending[0]; tick !== undefined; tick = this.#pending[0]) {
        write(tick)
        this.#pending.shift()
      }
    } catch (error) {
      if (!isFull(error)) throw error
      this.#onDiskFull()
      return
    }
    if (this.#isDiskFull) this.#onRoom()
  }

  #onDiskFull(): void {
    if (!this.#isDiskFull)
      this.warn(`the disk is full: keeping the last ${MAX_TICKS} s in memory until there is room`)
    this.#isDiskFull = true
    if (this.#pending.length <= MAX_TICKS) return
    const [, next, ...later] = this.#pending
    if (next === undefined) return
    this.#lost++
    this.#pending = [{ ...next, gapBefore: 'disk_full' }, ...later]
  }

  #onRoom(): void {
    this.warn(`there is room again: recording goes on, ${this.#lost} s are missing`)
    this.#isDiskFull = false
    this.#lost = 0
  }
}
