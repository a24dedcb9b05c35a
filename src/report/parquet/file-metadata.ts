/**
 * The texts in the footer of a file: where its rows come from, and what is missing. They tell nothing that changes when the recording
 * grows or forgets, so that the same ticks always give the same bytes; and all of it can be added up when files are joined.
 */
import { EVERYTHING } from '../../frame/expression/selection.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { micros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { coverageOf } from '../../frame/views/figures.ts'
import { BY_REQUESTS } from '../data/order.ts'
import { summarise } from '../data/summary.ts'
import type { CoverageEntry } from '../document/document.ts'
import { coverageEntry } from '../document/json.ts'
import { hoursOf } from './slices.ts'

export type FileMetadata = Readonly<Record<string, string>>

/** Version of tables and columns. */
const SCHEMA = '1'

type Counts = Readonly<Record<string, number | null>>

/** Of a range. The ratio follows from the others. */
interface Coverage {
  readonly ratio: number | null
  readonly elapsed_us: number
  readonly covered_us: number
  readonly requests: number
  /** null: unknown */
  readonly unseen: number | null
  /** cut at full hours */
  readonly gaps: CoverageEntry['gaps']
  readonly loss: Counts
  readonly excluded: Counts
}

export function metadataOf(recording: Recording, id: string, range: TimeSpan): FileMetadata {
  const { host, start, began, tool, format } = recording.info
  return textsOf({
    recording: JSON.stringify({ host, id, began: isoUtc(began ?? start), tool, format }),
    range: { from: isoUtc(range.from), to: isoUtc(range.to) },
    coverage: hoursOf(range).map((hour) => coverageWithin(recording, hour)),
  })
}

/** @param parts of one recording, in the order of their time, each of which begins where the one before ends */
export function joinedMetadata(parts: readonly FileMetadata[]): FileMetadata {
  const ranges = parts.map((part) => JSON.parse(part[KEYS.range]!) as RangeText)
  return textsOf({
    recording: parts[0]![KEYS.recording]!,
    range: { from: ranges[0]!.from, to: ranges.at(-1)!.to },
    coverage: parts.map((part) => JSON.parse(part[KEYS.coverage]!) as Coverage),
  })
}

/** Files of 0.2.0 tell less, and of more than their own range. */
export const isJoinable = (metadata: FileMetadata): boolean =>
  (metadata[KEYS.coverage] ?? '').includes('"elapsed_us"')

const KEYS = {
  schema: 'upstreamtop.schema',
  recording: 'upstreamtop.recording',
  range: 'upstreamtop.range',
  coverage: 'upstreamtop.coverage',
} as const

interface RangeText {
  readonly from: string
  readonly to: string
}

const textsOf = (of: {
  readonly recording: string
  readonly range: RangeText
  readonly coverage: readonly Coverage[]
}): FileMetadata => ({
  [KEYS.schema]: SCHEMA,
  [KEYS.recording]: of.recording,
  [KEYS.range]: JSON.stringify(of.range),
  [KEYS.coverage]: JSON.stringify(sumOf(of.coverage)),
  'upstreamtop.histogram': 'log-linear, 16 buckets an octave, µs',
})

function coverageWithin(recording: Recording, range: TimeSpan): Coverage {
  const query = { range, selection: EVERYTHING, order: BY_REQUESTS, top: null }
  const summary = summarise([recording], query)
  const { whole, elapsed } = summary
  const { loss, excluded, gaps, ratio } = coverageEntry(summary)
  return {
    ratio,
    elapsed_us: elapsed,
    covered_us: whole.covered,
    requests: whole.totals.requests,
    unseen: whole.totals.unseen,
    gaps: gaps.map(({ from, to, reason }) => ({ from, to, reason })),
    loss,
    excluded,
  }
}

function sumOf(parts: readonly Coverage[]): Coverage {
  const sum = (valueOf: (part: Coverage) => number): number =>
    parts.reduce((total, part) => total + valueOf(part), 0)
  const known = {
    elapsed_us: sum((part) => part.elapsed_us),
    covered_us: sum((part) => part.covered_us),
    requests: sum((part) => part.requests),
    unseen: parts.map(({ unseen }) => unseen).reduce(plus, 0),
    gaps: parts.flatMap(({ gaps }) => gaps),
    loss: parts.map(({ loss }) => loss).reduce(sumOfCounts),
    excluded: parts.map(({ excluded }) => excluded).reduce(sumOfCounts),
  }
  return { ratio: ratioOf(known), ...known }
}

function ratioOf({ elapsed_us, covered_us, requests, unseen, loss }: Omit<Coverage, 'ratio'>): number | null {
  if (elapsed_us === 0) return null
  const { map_refused, ambiguous, unmatched_responses } = loss
  return coverageOf(
    {
      covered: micros(covered_us),
      totals: { requests, unseen },
      loss: {
        mapRefused: map_refused ?? 0,
        ambiguous: ambiguous ?? 0,
        unmatchedResponses: unmatched_responses ?? 0,
      },
    },
    elapsed_us,
  )
}

const sumOfCounts = (a: Counts, b: Counts): Counts =>
  Object.fromEntries(Object.entries(a).map(([word, count]) => [word, plus(count, b[word] ?? null)]))

/** A sum in which one part is unknown is unknown. */
const plus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b)
