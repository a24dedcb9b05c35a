/** What `info` shows about a recording, as text and as JSON. */
import type { Aggregate } from '../frame/model/aggregate.ts'
import type { Recording, RecordingInfo, Runs } from '../frame/model/recording.ts'
import type { WallMicros } from '../frame/model/units.ts'
import { clockError, elapsedOf, STEP_TOLERANCE } from '../frame/time/elapsed.ts'
import { spanOf } from '../frame/time/time.ts'
import { needsOffset, isoUtc, localDateTime } from '../frame/time/timezone.ts'
import { bytes, exactCount, longSpan, plural } from '../render/quantities.ts'
import { jsonText, visible } from '../render/text.ts'
import { tlsLines } from '../render/tls-text.ts'
import { recordingEntry } from '../report/document/json.ts'
import type { Inventory } from '../store/read/inventory.ts'

export function infoText(recording: Recording, inventory: Inventory, sum: Aggregate): string {
  const { info, markers, gaps, damage } = recording
  const span = spanOf(recording.ticks) ?? { from: info.start, to: info.end }
  const withOffset = needsOffset(span, info.timeZone)
  const time = (at: WallMicros): string => localDateTime(at, info.timeZone, withOffset)
  const wasSet = Math.abs(clockError(recording.ticks)) > STEP_TOLERANCE
  const rows: [string, string][] = [
    ['file', `${info.file}, ${bytes(inventory.size)}, format ${info.format}, written by ${info.tool}`],
    ['state', stateOf(recording, inventory)],
    ['host', `${info.host}, kernel ${info.kernel}, times in ${info.timeZone}`],
    ...runsOf(info).map(({ arguments: words, count }): [string, string] => [
      'command',
      `${words.length === 0 ? '–' : words.join(' ')}${count === 1 ? '' : ` (${exactCount(count)} times)`}`,
    ]),
    ['interfaces', info.interfaces.length === 0 ? '–' : info.interfaces.join(', ')],
    ['from', info.ticks === 0 ? '–' : time(info.start)],
    [
      'to',
      info.ticks === 0
        ? '–'
        : `${time(info.end)} (${longSpan(elapsedOf(recording.ticks))}${wasSet ? ' passed: the clock was set' : ''})`,
    ],
    ['ticks', `${exactCount(info.ticks)}, covering ${longSpan(sum.covered)}`],
    [
      'requests',
      `${exactCount(sum.totals.requests)} to ${plural(inventory.backends, 'backend')} on ${plural(inventory.routes, 'route')}; ${countOr(inventory.listed)} listed one by one`,
    ],
    [
      'rows',
      Object.entries(inventory.tables)
        .map(([name, count]) => `${name} ${countOr(count)}`)
        .join(', '),
    ],
    ...tlsLines(info.tls).map((text): [string, string] => ['tls', text]),
    ...(info.unseen ?? []).map(({ what, remedy }): [string, string] => ['not seen', `${what}; ${remedy}`]),
    ...gaps.map((gap): [string, string] => [
      'gap',
      `${time(gap.from)} for ${longSpan(gap.to - gap.from)}: ${gap.reason}`,
    ]),
    ...markers.map((marker): [string, string] => [
      'marker',
      `${time(marker.at)} ${marker.kind}: ${marker.text}`,
    ]),
    ...damage.map((words): [string, string] => ['damage', words]),
  ]
  return rows.map(([name, value]) => `${name.padEnd(11)} ${visible(value)}\n`).join('')
}

const runsOf = ({ runs, arguments: words }: RecordingInfo): readonly Runs[] =>
  runs ?? [{ arguments: words, count: 1 }]

const countOr = (count: number | null): string => (count === null ? '?' : exactCount(count))

function stateOf({ info, damage }: Recording, { recorder, tables }: Inventory): string {
  if (recorder !== null) return `being recorded by process ${recorder}`
  if (damage.length > 0 || Object.values(tables).includes(null))
    return 'damaged: upstreamtop check says more, repair saves what can be saved'
  return info.complete ? 'complete' : 'not ended cleanly; what is in it is whole'
}

export function infoJson(recording: Recording, inventory: Inventory, sum: Aggregate): string {
  const { info, markers, gaps, damage } = recording
  const value = {
    recording: {
      ...recordingEntry(info),
      size: inventory.size,
      kernel: info.kernel,
      arguments: info.arguments,
      runs: runsOf(info),
      interfaces: info.interfaces,
      clock: { time_zone: info.timeZone, seconds: sum.length / 1e6, covered: sum.covered / 1e6 },
      versions: { format: info.format, tool: info.tool, readable_by: inventory.meta.readable_by ?? null },
      tables: inventory.tables,
      requests: { counted: sum.totals.requests, listed: inventory.listed },
      recorder: inventory.recorder,
      gaps: gaps.map(({ from, to, reason }) => ({ from: isoUtc(from), to: isoUtc(to), reason })),
      markers: markers.map(({ at, kind, text }) => ({ at: isoUtc(at), kind, text })),
      damage,
    },
  }
  return `${jsonText(value)}\n`
}
