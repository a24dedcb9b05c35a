import type { RecordingInfo, TickSummary } from '../frame/recording.ts'
import { addMicros, wallMicros } from '../frame/units.ts'
import { integer, scalar, type Database } from './database.ts'
import { listOf, readMeta } from './meta.ts'

export function readInfo(database: Database, file: string, ticks: readonly TickSummary[]): RecordingInfo {
  const meta = readMeta(database)
  const first = ticks[0]
  const last = ticks.at(-1)
  return {
    file,
    host: meta.get('host') ?? '',
    timeZone: meta.get('time_zone') ?? 'UTC',
    tool: meta.get('tool') ?? '',
    format: integer(scalar(database, 'PRAGMA user_version')),
    kernel: meta.get('kernel') ?? '',
    arguments: listOf(meta.get('arguments')),
    interfaces: listOf(meta.get('interfaces')),
    complete: meta.get('complete') === '1',
    start: first?.start ?? wallMicros(0),
    end: last === undefined ? wallMicros(0) : addMicros(last.start, last.length),
    ticks: ticks.length,
  }
}
