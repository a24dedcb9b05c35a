/** Where the page's script gets what it shows: from the page itself, or from the server of `view`. */
import type { Subject } from '../../../frame/views/drilldown.ts'
import type { PageFacts, PageFinding } from '../../picture/facts.ts'
import type { Picture } from '../../picture/picture.ts'
import type { Range } from '../state/address.ts'
import type { Row } from '../state/rows.ts'

/** 0: what was asked for, or the page's own; 1: the other file of `view A B`. */
export type Side = 0 | 1

export interface SideFacts extends PageFacts {
  readonly ticks: number
  /** somebody records into it now */
  readonly growing: boolean
  /** recordings that can be shown */
  readonly sides: number
}

export interface Wanted {
  readonly side: Side
  readonly range: Range
  /** at most so many, as there are pixels */
  readonly steps: number
  readonly subject: Subject | null
  /** an expression; only `view` has it */
  readonly where: string
}

export interface Shown {
  readonly picture: Picture
  /** a finer one will be ready shortly */
  readonly refining: boolean
  /** why there is nothing in it */
  readonly problem?: SourceError
}

export interface RequestsWanted extends Wanted {
  /** header times in µs, [low, high); null: all */
  readonly times: readonly [low: number, high: number] | null
}

export interface RequestLine {
  /** seconds since 1970 */
  readonly at: number
  readonly backend: string
  readonly method: string
  readonly route: string
  /** status or failure, in a word */
  readonly outcome: string
  readonly header_us: number | null
  readonly total_us: number | null
}

export interface RequestList {
  readonly requests: readonly RequestLine[]
  /** that were recorded and are not in the list */
  readonly more: number
}

export interface Change {
  readonly label: string
  readonly isRoute: boolean
  readonly fields: Readonly<Record<ChangeField, Changed>>
}

export const CHANGE_FIELDS = ['rps', '5xx', 'failures', 'p50', 'p99'] as const
export type ChangeField = (typeof CHANGE_FIELDS)[number]

export interface Changed {
  readonly base: number | null
  readonly target: number | null
  /** could be chance; null: it cannot be told */
  readonly noise: boolean | null
}

export interface Source {
  /** the page itself has a filter of names; a server has expressions, single requests and differences */
  readonly kind: 'page' | 'view'
  facts(side: Side): Promise<SideFacts>
  /** may be slow */
  findings(side: Side): Promise<readonly PageFinding[]>
  picture(wanted: Wanted): Promise<Shown>
  /** the range's backends, and the routes of the wanted one, named as in the picture; null: only the picture tells */
  rows(wanted: Wanted, picture: Picture): Promise<readonly Row[]> | null
  /** null: only a command tells */
  requests(wanted: RequestsWanted): Promise<RequestList> | null
  difference(base: Wanted, target: Wanted): Promise<readonly Change[]> | null
}

/** What went wrong, in the server's words, and what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message)
  }
}
