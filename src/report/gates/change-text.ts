/** Changes in words: what all formats of a difference for people have in common. */
import { needsOffset, localDateTime } from '../../frame/time/timezone.ts'
import type { Change } from '../../frame/views/compare.ts'
import { longSpan, precisePercent } from '../../render/quantities.ts'
import type { Summary } from '../data/summary.ts'
import type { Presence } from './difference.ts'

export const MARK: Readonly<Record<Presence, string>> = { both: '', new: 'new', gone: 'gone' }

/** Most routes of a list for people. */
export const SHOWN = 40

export const CHANCE = '≈ could be chance (tests at 1 %: upstreamtop diff --help)'

/** The whole of what is compared. */
export function sideText(summary: Summary, timeZone: string): string {
  const { range } = summary.query
  const files = summary.recordings.map(({ file }) => file).join(' ')
  const covered = summary.coverage === null ? '–' : precisePercent(summary.coverage)
  return `${files}  ${localDateTime(range.from, timeZone, needsOffset(range, timeZone))}, ${longSpan(summary.elapsed)}, coverage ${covered}`
}

/** Of a rate or a time. */
export const relative = (change: Change): string =>
  marked(change, (value) =>
    value === Infinity ? '+∞' : `${signed(value * 100, Math.abs(value) < 0.0995 ? 1 : 0)}%`,
  )

/** Of a share. */
export const points = (change: Change): string => marked(change, (value) => `${signed(value * 100, 2)}pp`)

function marked({ change, noise }: Change, shown: (value: number) => string): string {
  if (change === null) return '–'
  if (change === 0) return '='
  return `${noise === true ? '≈' : ''}${shown(change)}`
}

const signed = (value: number, digits: number): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(digits)}`
