/** A page that has everything inside: of its pictures the finest that shows the wanted range. */
import type { EmbeddedData } from '../../picture/facts.ts'
import { unpackPicture } from '../../picture/packed-picture.ts'
import type { Picture } from '../../picture/picture.ts'
import { cutPicture, finestOf } from '../state/cut.ts'
import type { Source } from './source.ts'

export function embeddedSource({ facts, pictures }: EmbeddedData): Source {
  const [first, ...others] = pictures
  const unpacked: [Picture, ...Picture[]] = [unpackPicture(first), ...others.map(unpackPicture)]
  return {
    kind: 'page',
    facts: () => Promise.resolve({ ...facts, ticks: 0, growing: false, sides: 1 }),
    findings: () => Promise.resolve(facts.findings),
    picture: ({ range }) =>
      Promise.resolve({ picture: cutPicture(finestOf(unpacked, range), range), refining: false }),
    rows: () => null,
    requests: () => null,
    difference: () => null,
  }
}
