/** Where a recorder beyond its ceiling has listed fewer requests: its notes say so in the file. */
import type { Marker } from '../model/frame.ts'
import type { Recording } from '../model/recording.ts'
import type { TimeSpan } from './time.ts'

export const FEWER_LISTED = 'fewer requests are listed from here'
export const LISTED_AGAIN = 'all kept requests are listed again'

/** An episode ends with its second note, or with its run. Its first note may be forgotten already (`--keep`). */
export function listsFewer({ markers, gaps }: Pick<Recording, 'markers' | 'gaps'>, span: TimeSpan): boolean {
  const begins = markers.filter((marker) => says(marker, FEWER_LISTED)).map(({ at }) => at)
  const ends = [
    ...markers.filter((marker) => says(marker, LISTED_AGAIN)).map(({ at }) => at),
    ...gaps.filter(({ reason }) => reason === 'stopped').map(({ from }) => from),
  ]
  const first = markers.find((marker) => says(marker, FEWER_LISTED) || says(marker, LISTED_AGAIN))
  if (first !== undefined && says(first, LISTED_AGAIN) && first.at > span.from) return true
  return begins.some(
    (begin) => begin < span.to && Math.min(Infinity, ...ends.filter((end) => end >= begin)) > span.from,
  )
}

const says = ({ kind, text }: Marker, words: string): boolean => kind === 'note' && text.startsWith(words)
