/** The request ring as rows of text, CSV or NDJSON. */
import { nameOf } from '../frame/model/aggregate.ts'
import type { RequestEvent } from '../frame/model/frame.ts'
import type { Recording, SeqRange } from '../frame/model/recording.ts'
import { toMillis, type Micros, type WallMicros } from '../frame/model/units.ts'
import { isoUtc } from '../frame/time/timezone.ts'
import { labelOf } from '../frame/views/labels.ts'
import { latency } from '../render/quantities.ts'
import { jsonText, visible } from '../render/text.ts'
import { csvRow } from '../report/formats/csv.ts'

export type RequestFormat = 'text' | 'csv' | 'ndjson'

/** @param timeOf the time of a row of text */
export function* requestRows(
  recording: Recording,
  ranges: readonly SeqRange[],
  isWanted: (event: RequestEvent) => boolean,
  format: RequestFormat,
  timeOf: (at: WallMicros) => string,
): Generator<string> {
  const several = severalNamespaces(recording, ranges)
  if (format === 'csv') yield csvRow([...COLUMNS, ...(several ? NAMESPACE_COLUMNS : [])])
  for (const { from, to } of ranges) {
    for (let seq = from; seq < to; seq++) {
      // The ring lists the most important requests first. The rows are sorted by time.
      const events = [...recording.requests({ from: seq, to: seq + 1 })].filter(isWanted)
      for (const event of events.sort((a, b) => a.at - b.at)) yield rowOf(event, several, format, timeOf)
    }
  }
}

const severalNamespaces = (recording: Recording, ranges: readonly SeqRange[]): boolean =>
  new Set(ranges.flatMap((range) => recording.aggregate(range).backends.map(({ backend }) => backend.netns)))
    .size > 1

const COLUMNS = [
  'at',
  'backend',
  'method',
  'route',
  'status',
  'failure',
  'header_ms',
  'total_ms',
  'name',
  'names',
] as const
/** Only where there are several, as in reports. */
const NAMESPACE_COLUMNS = ['netns', 'namespace'] as const

function rowOf(
  event: RequestEvent,
  several: boolean,
  format: RequestFormat,
  timeOf: (at: WallMicros) => string,
): string {
  switch (format) {
    case 'text':
      return textRow(event, several, timeOf(event.at))
    case 'csv':
      return csvRow(Object.values(fields(event, several)))
    case 'ndjson':
      return `${jsonText(fields(event, several), 0)}\n`
  }
}

type Cell = string | number | null | readonly string[]

const fields = (
  { at, backend, route, outcome, header, total }: RequestEvent,
  several: boolean,
): Record<(typeof COLUMNS)[number], Cell> => ({
  at: isoUtc(at),
  backend: backend.address,
  method: route.method,
  route: route.path,
  status: typeof outcome === 'number' ? outcome : null,
  failure: typeof outcome === 'number' ? null : outcome,
  header_ms: millis(header),
  total_ms: millis(total),
  name: nameOf(backend),
  names: backend.names,
  ...(several ? { netns: backend.netns, namespace: backend.namespace ?? null } : {}),
})

const millis = (span: Micros | null): number | null => (span === null ? null : toMillis(span))

function textRow(
  { backend, route, outcome, header, total }: RequestEvent,
  several: boolean,
  time: string,
): string {
  const cells = [
    time,
    String(outcome).padEnd(10),
    latency(header).padStart(7),
    latency(total).padStart(7),
    visible(labelOf(backend, several)).padEnd(21),
    visible(route.method).padEnd(6),
    visible(route.path),
  ]
  return `${cells.join(' ')}\n`
}
