/** A finding before it is put into words: what kind, in which steps, and how to find its edges to the tick. */
import type { Aggregate, BackendSum } from '../../frame/model/aggregate.ts'
import type { Backend } from '../../frame/model/frame.ts'
import type { StepSeries } from '../data/step-series.ts'
import type { FindingKind } from '../document/document.ts'
import type { Run } from './runs.ts'

/** What detectors look at. */
export interface Looking {
  readonly series: StepSeries
  readonly label: (backend: Backend) => string
}

export interface Candidate {
  readonly kind: FindingKind
  readonly run: Run
  /** null: all of the traffic */
  readonly backend: Backend | null
  readonly before: number | null
  readonly after: number | null
  /** what `value` is outside of it and within */
  readonly levels: { readonly usual: number; readonly changed: number }
  /** the number that changed, of a second; null where it says nothing. The line is the backend's, or the totals'. */
  readonly value: (line: BackendSum | null) => number | null
  /** how much a second says */
  readonly weight: (line: BackendSum | null) => number
  /** looks again once the edges are known to the second */
  readonly confirm: (line: BackendSum | null, within: Aggregate) => boolean
  /** `METHOD route`, if one has nearly all of it */
  readonly culprit: (within: Aggregate) => string | null
  /** `after`, and the sentence, of what lies within the edges */
  readonly settle: (line: BackendSum | null, length: number, route: string | null) => Settled
}

export interface Settled {
  /** where a closer look says what it is */
  readonly kind?: FindingKind
  readonly before?: number
  readonly after: number | null
  readonly what: string
}
