import type { RecordingInfo, TickSummary } from '../../frame/model/recording.ts'
import { addMicros, wallMicros, type WallMicros } from '../../frame/model/units.ts'
import { knownZone } from '../../frame/time/timezone.ts'
import { listOf, readingsOf, readMeta, runsOf, unseenOf } from '../format/meta.ts'
import { integer, scalar, type Database } from '../sqlite/database.ts'

/** The first and the last tick, if there are any, and the number of ticks. */
export interface Extent {
  readonly first: TickSummary | undefined
  readonly last: TickSummary | undefined
  readonly ticks: number
}

export const extentOf = (ticks: readonly TickSummary[]): Extent => ({
  first: ticks[0],
  last: ticks.at(-1),
  ticks: ticks.length,
})

export function readInfo(database: Database, file: string, { first, last, ticks }: Extent): RecordingInfo {
  const meta = readMeta(database)
  const runs = runsOf(meta.get('runs'))
  return {
    file,
    host: meta.get('host') ?? '',
    timeZone: knownZone(meta.get('time_zone')),
    tool: meta.get('tool') ?? '',
    format: integer(scalar(database, 'PRAGMA user_version')),
    kernel: meta.get('kernel') ?? '',
    arguments: listOf(meta.get('arguments')),
    ...(runs === null ? {} : { runs }),
    interfaces: listOf(meta.get('interfaces')),
    ...(meta.has('unseen') ? { unseen: unseenOf(meta.get('unseen')) } : {}),
    ...(meta.has('tls') ? { tls: readingsOf(meta.get('tls')) } : {}),
    complete: meta.get('complete') === '1',
    start: first?.start ?? wallMicros(0),
    ...began(meta.get('began')),
    end: last === undefined ? wallMicros(0) : addMicros(last.start, last.length),
    ticks,
  }
}

/** The file may hold anything. */
const began = (text = ''): { readonly began?: WallMicros } =>
  /^\d{1,16}$/.test(text) ? { began: wallMicros(Number(text)) } : {}
