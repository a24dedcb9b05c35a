/**
 * A range in equal steps, as lanes, heatmaps and tables are drawn from it: the page embeds some pictures, `view` sends them. Moments
 * and spans are in seconds here, as browsers have them; latencies in µs.
 */
import type { Buckets } from '../../frame/model/histogram.ts'
import type { Subject } from '../../frame/views/drilldown.ts'

export interface Picture {
  readonly from: number
  readonly to: number
  /** the first step, and the first one after each folded hole: its number, and when it starts */
  readonly starts: readonly (readonly [index: number, second: number])[]
  readonly step: number
  readonly count: number
  /** recorded seconds of each step, of the mean host; 0: nothing was recorded */
  readonly seconds: readonly number[]
  /** the first is the sum of all selected rows; then the backends in the order of the board, each before its routes */
  readonly lines: readonly PictureLine[]
  /** backends, and routes of the backends here, that found no room */
  readonly left: { readonly backends: number; readonly routes: number }
}

/** What a line counts, a number for each step. NUMBERS.md defines them. */
export const SERIES = [
  'requests',
  'answered',
  'fivexx',
  'failures',
  /** 5xx, failures, and gRPC errors that neither tells */
  'bad',
  'grpcEnded',
  'grpcErrors',
] as const
export type SeriesName = (typeof SERIES)[number]

export interface PictureLine {
  /** null: the sum of all */
  readonly subject: Subject | null
  /** visible text: the backend as the board names it, or method and path */
  readonly label: string
  readonly series: Readonly<Record<SeriesName, readonly number[]>>
  /** header times of each step, as the report has them; null: nothing was sampled */
  readonly p50: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
  /** header times of each step; their sum is `sampled`, what `answered` has more is what the ring lost. null: not in this picture */
  readonly heat: readonly Buckets[] | null
}
