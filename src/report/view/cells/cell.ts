/**
 * A cell is what pictures need of a tick or of a minute: every row's counts and header times, packed to twenty bytes a row or sixty. It is of all
 * rows, so one cell serves every filter and every backend that is looked into.
 */
import { classCount } from '../../../frame/expression/measure.ts'
import type { ConnectionRow, TrafficRow } from '../../../frame/model/frame.ts'
import { GRPC_NONE, grpcEnded, grpcErrors } from '../../../frame/model/grpc.ts'
import type { Span } from '../../../frame/model/span.ts'
import { failedRequests } from '../../../frame/sum/sums.generated.ts'
import { type CellReader, CellWriter } from './bytes.ts'
import type { CellNames } from './names.ts'

/** What a cell counts of a route, or of a backend's connections. */
export interface CellSink {
  /** else header times are passed over */
  readonly wantsTimes: boolean
  /** the start of a cell. @param knows whether it counted every kind of failed connects */
  begin(length: number, ticks: number, knows: boolean): void
  /** @returns whether the row is wanted; then its counts follow, else it is passed over */
  route(number: number): boolean
  counts(requests: number, answered: number, fivexx: number, failures: number): void
  /** of exchanges that ended; null: unknown */
  grpc(ended: number | null, errors: number, none: number): void
  /** only where header times were sampled */
  times(min: number, max: number): void
  bucket(bucket: number, count: number): void
  backend(number: number): boolean
  /** null: unknown */
  connects(failed: number, unreachable: number | null, earlyClose: number | null): void
}

const writer = new CellWriter()

export function packCell({ length, ticks, loss, traffic, connections }: Span, names: CellNames): Uint8Array {
  writer.number(length)
  writer.number(ticks)
  writer.number(loss.holes === null ? 0 : 1)
  writer.number(traffic.length)
  for (const row of traffic) packTraffic(row, names)
  writer.number(connections.length)
  for (const row of connections) packConnection(row, names)
  return writer.take()
}

function packTraffic(row: TrafficRow, names: CellNames): void {
  const { backend, route, requests, answered, failures, grpc, header } = row
  writer.number(names.route(backend, route))
  writer.number(requests)
  writer.number(answered)
  writer.number(classCount(row, 5))
  writer.number(failedRequests(failures))
  const ended = grpcEnded(grpc)
  writer.number(nullable(ended))
  if (grpc !== null && ended !== 0) {
    writer.number(grpcErrors(grpc) ?? 0)
    writer.number(grpc.at(-2) === GRPC_NONE ? grpc.at(-1)! : 0)
  }
  packTimes(header)
}

/** Of each bucket how much its index is beyond the one before, and its count. */
function packTimes({ min, max, buckets }: TrafficRow['header']): void {
  const isSampled = min !== null && max !== null
  writer.number(isSampled ? buckets.length / 2 + 1 : 0)
  if (!isSampled) return
  writer.number(min)
  writer.number(max)
  for (let i = 0; i < buckets.length; i += 2) {
    writer.number(buckets[i]! - (i === 0 ? 0 : buckets[i - 2]!))
    writer.number(buckets[i + 1]!)
  }
}

function packConnection(row: ConnectionRow, names: CellNames): void {
  writer.number(names.backend(row.backend))
  writer.number(row.refused + row.connectTimeout)
  writer.number(nullable(row.unreachable))
  writer.number(nullable(row.earlyClose))
}

/** null is 0, and a number one more than it is. */
const nullable = (value: number | null): number => (value === null ? 0 : value + 1)
const nullOf = (packed: number): number | null => (packed === 0 ? null : packed - 1)

/** @param reader at the start of a cell; afterwards at its end */
export function readCell(reader: CellReader, sink: CellSink): void {
  sink.begin(reader.number(), reader.number(), reader.number() === 1)
  for (let left = reader.number(); left > 0; left--)
    if (sink.route(reader.number())) readTraffic(reader, sink)
    else skipTraffic(reader)
  for (let left = reader.number(); left > 0; left--)
    if (sink.backend(reader.number()))
      sink.connects(reader.number(), nullOf(reader.number()), nullOf(reader.number()))
    else reader.skip(3)
}

function readTraffic(reader: CellReader, sink: CellSink): void {
  sink.counts(reader.number(), reader.number(), reader.number(), reader.number())
  const ended = reader.number()
  if (ended < 2) sink.grpc(nullOf(ended), 0, 0)
  else sink.grpc(ended - 1, reader.number(), reader.number())
  const times = reader.number()
  if (times === 0) return
  if (!sink.wantsTimes) {
    reader.skip(2 * times)
    return
  }
  sink.times(reader.number(), reader.number())
  let bucket = 0
  for (let left = times - 1; left > 0; left--) {
    bucket += reader.number()
    sink.bucket(bucket, reader.number())
  }
}

function skipTraffic(reader: CellReader): void {
  reader.skip(4)
  if (reader.number() > 1) reader.skip(2)
  const times = reader.number()
  if (times > 0) reader.skip(2 * times)
}
