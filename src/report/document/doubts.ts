/** What a report of a range may have wrong, in words: what was repaired, lost, not seen. */
import { byWord, LOSS } from '../../frame/model/counters.ts'
import { exactCount } from '../../render/quantities.ts'
import { tlsNotRead } from '../../render/tls-text.ts'
import type { Summary } from '../data/summary.ts'
import { absenceNotes } from './absence.ts'
import { addressNotes } from './addresses.ts'

/** One sentence each; empty: nothing. */
export const doubtsOf = (summary: Summary): readonly string[] => [
  ...absenceNotes(summary),
  ...summary.damage,
  ...lossLines(summary),
  ...sampleLines(summary),
  ...summary.recordings.flatMap(({ file, complete }) => (complete ? [] : [`${file}: without a clean end`])),
  ...summary.recordings.flatMap(({ file, unseen = [] }) =>
    unseen.map(({ what, remedy }) => `${file}: ${what}; ${remedy}`),
  ),
  ...summary.recordings.flatMap(({ file, tls }) => tlsNotRead(tls).map((text) => `${file}: ${text}`)),
  ...addressNotes(summary.recordings),
]

/** `ring_dropped 3, holes 1`; '' if nothing was counted */
export const countedText = (counts: Readonly<Record<string, number | null>>): string =>
  Object.entries(counts)
    .filter(([, count]) => (count ?? 0) > 0)
    .map(([name, count]) => `${name} ${exactCount(count ?? 0)}`)
    .join(', ')

function lossLines({ whole }: Summary): string[] {
  const lost = countedText(byWord(LOSS, whole.loss))
  return lost === '' ? [] : [`lost: ${lost}`]
}

function sampleLines({ selected: { totals } }: Summary): string[] {
  const { answered, header } = totals
  return header.sampled >= answered
    ? []
    : [`percentiles and heatmaps are of ${exactCount(header.sampled)} of ${exactCount(answered)} answers`]
}
