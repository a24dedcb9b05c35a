/** Collects everything that one picture needs, and keeps what the next picture can use again. */
import type { Recording } from '../../frame/model/recording.ts'
import { needsOffset } from '../../frame/time/timezone.ts'
import type { Size } from '../../render/board.ts'
import { heatRoom } from '../../render/heatmap/heatmap.ts'
import { lookOf, type Look } from '../../render/heatmap/look.ts'
import { tlsLines } from '../../render/tls-text.ts'
import type { Depth } from '../../render/theme.ts'
import { HeatReader } from '../data/heat-reader.ts'
import { MomentReader } from '../data/moment-reader.ts'
import { holds, wholeSecondAsTick, type Stop } from '../time/stops.ts'
import type { SceneHeat } from './heat-scene.ts'
import type { PlayOptions } from './options.ts'
import type { Playhead } from './playhead.ts'
import type { Details, Scene } from './scene.ts'
import { ScrubberCache } from './scrubbing.ts'
import { pageOf, type Page, type View } from './view.ts'

/** What the scene has to know of the screen. */
interface Shown {
  readonly size: Size
  readonly isAscii: boolean
  readonly depth: Depth
}

/** ms that a picture may wait for a heatmap: what is left is read for the next ones. */
const READING = 25

export class SceneBuilder {
  /** false while only a part of the recording has been read; the scrubber is left out until the rest has been read */
  isWhole: boolean
  readonly #recording: Recording
  readonly #options: PlayOptions
  readonly #moments: MomentReader
  readonly #scrubbers: ScrubberCache
  readonly #heats: HeatReader
  #details: Details | null = null

  constructor(recording: Recording, options: PlayOptions) {
    this.isWhole = options.isLive || options.growth === null
    this.#recording = recording
    this.#options = options
    this.#moments = new MomentReader(recording)
    this.#scrubbers = new ScrubberCache(recording, options.timeZone)
    this.#heats = new HeatReader(recording)
  }

  /** The last picture lacks a part, which the next one reads. */
  get isReading(): boolean {
    return this.#heats.isReading
  }

  build(view: View, { stop, timeline }: Playhead, { size, isAscii, depth }: Shown): Scene {
    const { timeZone, board, isLive, mark, command, empty } = this.#options
    const { markers, info } = this.#recording
    const page = pageOf(view)
    return {
      moment: stop === null ? null : this.#moments.at(stop, view.windowSeconds),
      history:
        stop !== null && (page.kind === 'detail' || page.kind === 'requests')
          ? this.#moments.history(stop, page.subject)
          : [],
      heat: stop === null ? null : this.#heatOf(page, stop, lookOf(depth, isAscii), size.columns),
      host: info.host,
      tls: tlsLines(info.tls),
      timeZone,
      withOffset: needsOffset({ from: info.start, to: info.end }, timeZone),
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

  #heatOf(page: Page, stop: Stop, look: Look, columns: number): SceneHeat | null {
    if (page.kind !== 'heatmap' && page.kind !== 'cell') {
      this.#heats.isReading = false
      return null
    }
    const query = { subject: page.subject, seconds: page.seconds, room: heatRoom(columns) }
    const until = performance.now() + READING
    const map = this.#heats.read(stop, query, () => performance.now() > until)
    const requests = page.kind === 'cell' ? this.#heats.requests(stop, query, page.times) : []
    return { map, requests, look }
  }

  /** Loads the drill-down pages when the first one is opened. */
  async loadDetails(loaded: () => void): Promise<void> {
    if (this.#details !== null) return
    this.#details = await import('../../render/detail.ts')
    loaded()
  }
}
