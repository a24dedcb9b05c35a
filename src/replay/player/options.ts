/** What a player is told about the recording, the view it begins with, and the world around it. */
import type { Micros, WallMicros } from '../../frame/model/units.ts'
import type { BoardOptions } from '../../frame/views/leaderboard.ts'
import type { Sort } from '../../frame/views/ranking.ts'
import type { Growth, Mark } from '../data/source.ts'

export interface PlayOptions {
  readonly board: Pick<BoardOptions, 'backends' | 'routes'>
  readonly sort: Sort
  readonly filter: string
  readonly windowSeconds: number
  /** IANA name */
  readonly timeZone: string
  /** the first thing to be seen; 'live' stays on the newest tick */
  readonly begin: 'start' | 'live' | { readonly at: WallMicros }
  readonly playing: boolean
  readonly speed: number
  readonly loop: boolean
  readonly idleLimit: Micros | null
  /** tells of new ticks; null when there will be none */
  readonly growth: Growth | null
  /** what grows is being recorded now: there is a live to go back to */
  readonly isLive: boolean
  /** null where no marker can be set */
  readonly mark: Mark | null
  /** the command line that shows this very frame; null where there is no file */
  readonly command: ((frame: FrameAddress) => string) | null
  /** µs since 1970, for `10m ago` */
  readonly now: () => WallMicros
  /** ends the play: a signal, or the end of what arrives */
  readonly signal: AbortSignal
  /** said instead of a screen as long as there is no tick */
  readonly empty: string
  /** said at first: what was repaired to open the recording */
  readonly notice: string | null
}

/** What a command line needs to show a frame again. */
export interface FrameAddress {
  readonly at: WallMicros
  readonly sort: Sort
  readonly filter: string
  readonly windowSeconds: number
  readonly columns: number
  readonly rows: number
}
