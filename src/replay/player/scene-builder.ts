/** Collects everything that one picture needs, and keeps what the next picture can use again. */
import type { Recording } from '../../frame/model/recording.ts'
import { changesOffset } from '../../frame/time/timezone.ts'
import type { Size } from '../../render/board.ts'
import { MomentReader } from '../data/moment-reader.ts'
import { holds, wholeSecondAsTick } from '../time/stops.ts'
import type { PlayOptions } from './options.ts'
import type { Playhead } from './playhead.ts'
import type { Details, Scene } from './scene.ts'
import { ScrubberCache } from './scrubbing.ts'
import { pageOf, type View } from './view.ts'

/** What the scene has to know of the screen. */
interface Shown {
  readonly size: Size
  readonly isAscii: boolean
}

export class SceneBuilder {
  /** false while only a part of the recording has been read; the scrubber is left out until the rest has been read */
  isWhole: boolean
  readonly #recording: Recording
  readonly #options: PlayOptions
  readonly #moments: MomentReader
  readonly #scrubbers: ScrubberCache
  #details: Details | null = null

  constructor(recording: Recording, options: PlayOptions) {
    this.isWhole = options.isLive || options.growth === null
    this.#recording = recording
    this.#options = options
    this.#moments = new MomentReader(recording)
    this.#scrubbers = new ScrubberCache(recording, options.timeZone)
  }

  build(view: View, { stop, timeline }: Playhead, { size, isAscii }: Shown): Scene {
    const { timeZone, board, isLive, mark, command, empty } = this.#options
    const { markers, info } = this.#recording
    const page = pageOf(view)
    return {
      moment: stop === null ? null : this.#moments.at(stop, view.windowSeconds),
      history: stop === null || page.kind === 'board' ? [] : this.#moments.history(stop, page.subject),
      host: info.host,
      timeZone,
      withOffset: changesOffset({ from: info.start, to: info.end }, timeZone),
      board,
      view,
      timeline,
      stop,
      scrubber: this.isWhole ? this.#scrubbers.of(size.columns) : null,
      markersHere: stop === null ? [] : markers.filter(({ at }) => holds(stop, wholeSecondAsTick(at))),
      can: { live: isLive && !info.complete, mark: mark !== null, command: command !== null },
      size,
      isAscii,
      details: this.#details,
      empty,
    }
  }

  /** Loads the drill-down pages when the first one is opened. */
  async loadDetails(loaded: () => void): Promise<void> {
    if (this.#details !== null) return
    this.#details = await import('../../render/detail.ts')
    loaded()
  }
}
