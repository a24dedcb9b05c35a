/** Counts as cells and back, in the order of COUNT_COLUMNS and CONNECTION_COLUMNS. */
import { NO_DISTRIBUTION, type ConnectionCounts } from '../frame/aggregate.ts'
import type { Codes, Control, Counts, Distribution, Excluded, Loss } from '../frame/frame.ts'
import type { Micros } from '../frame/units.ts'
import { packBuckets, unpackBuckets } from './buckets.ts'
import { integer, type SqlRow, type SqlValue } from './database.ts'
import { CorruptRow } from './corrupt-row.ts'
import { checkCount, checkSpan, checkSum } from './limits.ts'

/** Writes the cells of COUNT_COLUMNS from `at` on. */
export function putCounts(cells: SqlValue[], at: number, counts: Counts): void {
  const { failures } = counts
  cells[at] = counts.requests
  cells[at + 1] = counts.answered
  for (let i = 1; i <= 5; i++) cells[at + 1 + i] = 0
  putClasses(cells, at + 1, counts.codes)
  cells[at + 7] = failures.reset
  cells[at + 8] = failures.closed
  cells[at + 9] = failures.aborted
  cells[at + 10] = failures.unanswered
  cells[at + 11] = counts.interim
  cells[at + 12] = counts.retransmits
  cells[at + 13] = counts.retries
  cells[at + 14] = counts.bodyReset
  cells[at + 15] = counts.inFlight
  cells[at + 16] = counts.oldest
  putDistribution(cells, at + 17, counts.header)
  putDistribution(cells, at + 23, counts.total)
}

function putClasses(cells: SqlValue[], before: number, codes: Codes): void {
  if (codes.length === 2 && codes[0] === 200) {
    cells[before + 2] = codes[1]!
    return
  }
  for (let i = 0; i < codes.length; i += 2) {
    const group = Math.floor(codes[i]! / 100)
    if (group >= 1 && group <= 5) cells[before + group] = integer(cells[before + group]) + codes[i + 1]!
  }
}

/** @param others the codes other than 200, sorted, as the status table holds them */
export function takeCounts(row: SqlRow, at: number, others: Codes): Counts {
  return {
    requests: count(row[at]),
    answered: count(row[at + 1]),
    codes: withOk(others, count(row[at + 3])),
    failures: {
      reset: count(row[at + 7]),
      closed: count(row[at + 8]),
      aborted: count(row[at + 9]),
      unanswered: count(row[at + 10]),
    },
    interim: count(row[at + 11]),
    retransmits: count(row[at + 12]),
    retries: count(row[at + 13]),
    bodyReset: count(row[at + 14]),
    inFlight: count(row[at + 15]),
    oldest: checkSpan(integer(row[at + 16])),
    header: takeDistribution(row, at + 17),
    total: takeDistribution(row, at + 23),
  }
}

/** 200 is what the other codes leave of the 2xx: the commonest code costs no row. */
function withOk(others: Codes, twoxx: number): Codes {
  if (others.length === 0) return twoxx === 0 ? [] : [200, twoxx]
  let ok = twoxx
  let at = 0
  for (let i = 0; i < others.length; i += 2) {
    if (others[i]! < 200) at = i + 2
    else if (others[i]! < 300) ok -= others[i + 1]!
  }
  checkCount(ok)
  return ok === 0 ? others : [...others.slice(0, at), 200, ok, ...others.slice(at)]
}

export function putConnection(cells: SqlValue[], at: number, counts: ConnectionCounts): void {
  cells[at] = counts.connects
  cells[at + 1] = counts.refused
  cells[at + 2] = counts.connectTimeout
  cells[at + 3] = counts.retransmits
  cells[at + 4] = counts.opaque
  putDistribution(cells, at + 5, counts.connect)
}

export const takeConnection = (row: SqlRow, at: number): ConnectionCounts => ({
  connects: count(row[at]),
  refused: count(row[at + 1]),
  connectTimeout: count(row[at + 2]),
  retransmits: count(row[at + 3]),
  opaque: count(row[at + 4]),
  connect: takeDistribution(row, at + 5),
})

function putDistribution(cells: SqlValue[], at: number, distribution: Distribution): void {
  cells[at] = distribution.count
  cells[at + 1] = distribution.sum
  cells[at + 2] = distribution.sampled
  cells[at + 3] = distribution.min
  cells[at + 4] = distribution.max
  cells[at + 5] = packBuckets(distribution.buckets)
}

function takeDistribution(row: SqlRow, at: number): Distribution {
  if (row[at] === 0 && row[at + 2] === 0 && row[at + 1] === 0) return NO_DISTRIBUTION
  return {
    count: count(row[at]),
    sum: checkSpan(integer(row[at + 1])),
    sampled: count(row[at + 2]),
    min: span(row[at + 3]),
    max: span(row[at + 4]),
    buckets: unpackBuckets(packed(row[at + 5])),
  }
}

const count = (cell: SqlValue | undefined): number => checkCount(integer(cell))
const span = (cell: SqlValue | undefined): Micros | null => (cell === null ? null : checkSpan(integer(cell)))

function packed(cell: SqlValue | undefined): Uint8Array | null {
  if (cell === null || Buffer.isBuffer(cell)) return cell
  throw new CorruptRow(`expected bytes, found ${typeof cell}`)
}

export interface HostCounts {
  readonly loss: Loss
  readonly excluded: Excluded
  readonly control: Control
}

/** Writes the cells of HOST_COLUMNS from `at` on. */
export function putHost(cells: SqlValue[], at: number, { loss, excluded, control }: HostCounts): void {
  const values = [
    loss.ringDropped,
    loss.mapRefused,
    loss.unmatchedResponses,
    loss.ambiguous,
    loss.evicted,
    loss.fragments,
    loss.halfSeen,
    loss.pathFolded,
    loss.pipelineOverflow,
    excluded.frontDoor,
    excluded.ignored,
    excluded.notSelected,
    excluded.routed,
    excluded.tls,
    excluded.h2,
    control.segments,
    control.starts,
    control.continuations,
    control.retransmits,
    control.secondSightings,
    control.notHttp,
    control.partial,
    control.ambiguous,
    control.fragments,
    control.opaque,
    control.excluded,
    control.requests,
    control.answered,
    control.failed,
  ]
  for (let i = 0; i < values.length; i++) cells[at + i] = values[i]!
}

export function takeHost(row: SqlRow, at: number): HostCounts {
  const cell = (i: number): number => checkSum(integer(row[at + i]))
  return {
    loss: {
      ringDropped: cell(0),
      mapRefused: cell(1),
      unmatchedResponses: cell(2),
      ambiguous: cell(3),
      evicted: cell(4),
      fragments: cell(5),
      halfSeen: cell(6),
      pathFolded: cell(7),
      pipelineOverflow: cell(8),
    },
    excluded: {
      frontDoor: cell(9),
      ignored: cell(10),
      notSelected: cell(11),
      routed: cell(12),
      tls: cell(13),
      h2: cell(14),
    },
    control: {
      segments: cell(15),
      starts: cell(16),
      continuations: cell(17),
      retransmits: cell(18),
      secondSightings: cell(19),
      notHttp: cell(20),
      partial: cell(21),
      ambiguous: cell(22),
      fragments: cell(23),
      opaque: cell(24),
      excluded: cell(25),
      requests: cell(26),
      answered: cell(27),
      failed: cell(28),
    },
  }
}
