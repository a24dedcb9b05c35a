/** The options of a player: about the recording, the first view, and its surroundings. */
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
  /** the first moment shown; 'live' stays on the newest tick */
  readonly begin: 'start' | 'live' | { readonly at: WallMicros }
  readonly playing: boolean
  readonly speed: number
  readonly loop: boolean
  readonly idleLimit: Micros | null
  /** calls back when there are new ticks; null if there will be none */
  readonly growth: Growth | null
  /** the recording is being recorded now: the player can go back to live */
  readonly isLive: boolean
  /** the question that q asks first, because to leave ends more than the screen; null: q leaves at once */
  readonly leaving: string | null
  /** null if no marker can be set */
  readonly mark: Mark | null
  /** the command line that shows the frame again; null without a file */
  readonly command: ((frame: FrameAddress) => string) | null
  /** µs since 1970, for `10m ago` */
  readonly now: () => WallMicros
  /** ends the player: by a signal, or at the end of the input */
  readonly signal: AbortSignal
  /** the text that is shown while there is no tick */
  readonly empty: string
  /** the first message: what was repaired to open the recording, or what it lacks; the first key clears it */
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
