/** A finding before its sentence is made: its kind, its steps, and how to find its edges to the second. */
import type { Aggregate, BackendSum } from '../../frame/model/aggregate.ts'
import type { Backend } from '../../frame/model/frame.ts'
import type { StepSeries } from '../data/step-series.ts'
import type { FindingKind } from '../document/document.ts'
import type { Run } from './runs.ts'

/** The input of the detectors. */
export interface DetectorInput {
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
  /** a ratio is that of every host, a rate adds up over hosts */
  readonly measures: 'ratio' | 'rate'
  /** `value` outside the run and within it */
  readonly levels: { readonly usual: number; readonly changed: number }
  /** the number that changed, of one second; null without data. `line` is the backend's, or the totals'. */
  readonly value: (line: BackendSum | null) => number | null
  /** weight of a second in the fit */
  readonly weight: (line: BackendSum | null) => number
  /** tests the candidate again when its edges are known to the second */
  readonly confirm: (line: BackendSum | null, within: Aggregate) => boolean
  /** `METHOD route` if one route has nearly all of it */
  readonly culprit: (within: Aggregate) => string | null
  /** `after` and the sentence, from the sum within the edges */
  readonly describe: (line: BackendSum | null, length: number, route: string | null) => Description
}

export interface Description {
  /** set if the sum within the edges shows another kind */
  readonly kind?: FindingKind
  readonly before?: number
  readonly after: number | null
  readonly what: string
}
