/** What one column of a heatmap shows: answers by their header time, and what went wrong beside them. Pure. */
import { classCount, failureCount, quietGrpcErrors, type Measurable } from '../expression/measure.ts'
import { addressKey, routeKey, type Aggregate } from '../model/aggregate.ts'
import type { Distribution, SecondFrame } from '../model/frame.ts'
import { NO_DISTRIBUTION } from '../model/distribution.ts'
import { DistributionSum } from '../sum/distribution-sum.ts'
import { failedConnects } from '../sum/sums.generated.ts'
import { micros, type Micros, type WallMicros } from '../model/units.ts'
import type { Subject } from './drilldown.ts'

export interface HeatSum {
  readonly header: Distribution
  /** 5xx, failures and gRPC errors that neither tells */
  readonly bad: number
  /** that was recorded */
  readonly length: Micros
}

export const NO_HEAT: HeatSum = { header: NO_DISTRIBUTION, bad: 0, length: micros(0) }

/** unread: it will be read for one of the next pictures */
export interface HeatColumn {
  readonly state: 'seen' | 'gap' | 'unread'
  /** where it begins */
  readonly from: WallMicros
  /** zeros where nothing was seen */
  readonly sum: HeatSum
}

export interface HeatMap {
  /** of a column */
  readonly step: Micros
  readonly columns: readonly HeatColumn[]
  /** index of the column that holds the moment; null: there is none */
  readonly cursor: number | null
}

/** @param subject null: all traffic */
export function heatOfFrame({ traffic, connections, length }: SecondFrame, subject: Subject | null): HeatSum {
  const rows = subject === null ? traffic : traffic.filter((row) => isOf(subject, row))
  const sum = heatOf(rows, length)
  const failed = connections
    .filter(
      (row) => subject === null || (subject.route === null && addressKey(row.backend) === subject.backend),
    )
    .reduce((count, row) => count + failedConnects(row), 0)
  return failed === 0 ? sum : { ...sum, bad: sum.bad + failed }
}

/** The same of a sum of ticks. */
export function heatOfSum({ totals, backends, length }: Aggregate, subject: Subject | null): HeatSum {
  if (subject === null) return heatOf([totals], length)
  const sums = backends.filter(({ backend }) => addressKey(backend) === subject.backend)
  if (subject.route === null) return heatOf(sums, length)
  return heatOf(
    sums.flatMap(({ routes }) => routes.filter(({ route }) => routeKey(route) === subject.route)),
    length,
  )
}

export const addHeat = (a: HeatSum, b: HeatSum): HeatSum => ({
  header: sumOf([a.header, b.header]),
  bad: a.bad + b.bad,
  length: micros(a.length + b.length),
})

/** Answers whose time the ring lost. */
export const lostOf = ({ header }: HeatSum): number => Math.max(0, header.count - header.sampled)

const isOf = (subject: Subject, { backend, route }: SecondFrame['traffic'][number]): boolean =>
  addressKey(backend) === subject.backend && (subject.route === null || routeKey(route) === subject.route)

const heatOf = (rows: readonly Measurable[], length: Micros): HeatSum => ({
  length,
  header: sumOf(rows.map(({ header }) => header)),
  bad: rows.reduce((sum, row) => sum + classCount(row, 5) + failureCount(row) + quietGrpcErrors(row), 0),
})

function sumOf(distributions: readonly Distribution[]): Distribution {
  const sum = new DistributionSum()
  for (const each of distributions) sum.add(each)
  return sum.value()
}
