/** Hosts without a tick in the range, in words: a 0 of theirs says nothing. */
import type { Summary } from '../data/summary.ts'

export const absenceNotes = ({ absent, whole }: Pick<Summary, 'absent' | 'whole'>): readonly string[] =>
  whole.ticks === 0
    ? ['no tick was recorded in the range: 0 is not known there']
    : absent.map(
        (host) =>
          `no tick of host "${host}" lies in the range: nothing is known of it there, and the coverage is that of the others`,
      )
