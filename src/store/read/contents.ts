/** The ticks and minutes of a file; those of a suspect file are checked. */
import { recordingError } from '../../errors.ts'
import type { TickSummary } from '../../frame/model/recording.ts'
import { recoverTicks } from '../file/recover.ts'
import { FIRST_WITH_WIRES } from '../format/schema.ts'
import { formatOf } from '../format/upgrade.ts'
import { BoundedQuery } from '../sqlite/bounded.ts'
import { integer, isDamage } from '../sqlite/database.ts'
import type { Access, Connection } from './connection.ts'
import { readTicks, salvage, type Salvaged, type Verify } from './salvage.ts'
import { isEvicted, readSeries, type Series } from './ticks.ts'

export interface Contents extends Series {
  /** in words; empty for a whole file */
  readonly damage: readonly string[]
}

/** Up to this many ticks, a suspect file is checked tick by tick; beyond, by sums over blocks of ticks. */
const CHECK_ALL = 20_000
/** The last ticks of a suspect file are always checked one by one: a copy is torn where the recorder was writing. */
const CHECK_LAST = 1_000

/** @param isSuspect it may be torn or cut off: every tick is checked. @throws UserError if nothing can be read */
export function readContents(connection: Connection, isSuspect: boolean): Contents {
  const series: Series = { ticks: [], minutes: [] }
  try {
    connection.use(({ database }) => readSeries(database, series))
    if (!isSuspect) return { ...series, damage: [] }
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  const salvaged = connection.use((access) => salvage(access.database, (found) => verifier(access, found)))
  return salvaged.isWhole ? { ...salvaged, damage: [] } : withRecovered(connection, salvaged)
}

/** Ticks that look-ups did not find are recovered from the pages. */
function withRecovered(connection: Connection, salvaged: Salvaged): Contents {
  const found = new Set(salvaged.ticks.map(({ seq }) => seq))
  const database = recoverTicks(connection.raw(), (tick) => !found.has(tick))
  const frames = connection.addLayer(database)
  const recovered = readTicks(database).ticks.filter(({ seq }) => frames.isWhole(seq))
  const ticks = [...salvaged.ticks, ...recovered].sort((a, b) => a.seq - b.seq)
  if (ticks.length === 0) {
    throw recordingError(`nothing can be read of "${connection.file}"`, 'Look for another copy of it.')
  }
  return { ticks, minutes: salvaged.minutes, damage: damageOf(ticks, recovered.length, salvaged) }
}

function damageOf(ticks: readonly TickSummary[], recovered: number, { isEndLost }: Salvaged): string[] {
  const all = ticks.at(-1)!.seq - ticks[0]!.seq + 1
  const lost = all - ticks.length
  const damage: string[] = []
  if (lost > 0) damage.push(`${lost} of ${all} ticks are lost`)
  if (recovered > 0)
    damage.push(`${recovered} ticks were put together from pages that nothing points at any more`)
  if (damage.length === 0 || isEndLost) damage.push('what came after the last tick is missing')
  return damage
}

function verifier(access: Access, ticks: readonly TickSummary[]): Verify {
  const last = ticks.at(-1)?.seq ?? 0
  const isPresent = (seq: number): boolean => access.frames.isWhole(seq) || isEvicted(access.database, seq)
  if (ticks.length <= CHECK_ALL) return isPresent
  const bad = badTicks(access, ticks)
  return (seq) => (seq > last - CHECK_LAST || bad.has(seq) ? isPresent(seq) : true)
}

/** Ticks per query of the sums. */
const BLOCK = 128

/** The ticks whose rows do not add up to the sums of the tick. In a block that cannot be read, each tick is checked by its checksum. */
export function badTicks({ database, frames }: Access, ticks: readonly TickSummary[]): ReadonlySet<number> {
  const within = (columns: string, table: string): string =>
    `(SELECT ${columns} FROM ${table} WHERE id >= ? << 20 AND id < ? << 20 LIMIT ?)`
  const select = new BoundedQuery(
    database,
    `SELECT of, sum(requests), sum(answered) FROM ${within('id >> 20 AS of, requests, answered', 'traffic')} GROUP BY of`,
  )
  const hasWires = formatOf(database) >= FIRST_WITH_WIRES
  const others = ['status', 'connection', ...(hasWires ? ['wire_traffic'] : [])].map(
    (table) => new BoundedQuery(database, `SELECT count(*) FROM ${within('id', table)}`),
  )
  const chunks = '(SELECT packed FROM request_chunk WHERE tick >= ? AND tick < ? LIMIT ?)'
  others.push(new BoundedQuery(database, `SELECT count(length(packed)) FROM ${chunks}`))
  const bad = new Set<number>()
  for (let i = 0; i < ticks.length; i += BLOCK) {
    const block = ticks.slice(i, i + BLOCK)
    const sums = sumsOf(select, others, block[0]!.seq, block.at(-1)!.seq + 1)
    for (const { seq, requests, answered } of block) {
      const isGood =
        sums === null ? frames.isWhole(seq) : (sums.get(seq) ?? '0 0') === `${requests} ${answered}`
      if (!isGood) bad.add(seq)
    }
  }
  return bad
}

/** null if a page of one of the tables is damaged */
function sumsOf(
  select: BoundedQuery,
  others: readonly BoundedQuery[],
  from: number,
  beyond: number,
): ReadonlyMap<number, string> | null {
  try {
    for (const other of others) other.count(from, beyond)
    const rows = select.all(from, beyond)
    return new Map(rows.map((row) => [integer(row[0]), `${integer(row[1])} ${integer(row[2])}`]))
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}
