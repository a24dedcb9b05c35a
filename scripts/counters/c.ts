/** The counters in C: the fields that the programs add to, and the order in which the helper writes them. */
import {
  CONNECTION,
  CONTROL,
  EXCLUDED,
  LOSS,
  ROUTE,
  type Counter,
  type Side,
} from '../../src/frame/model/counters.ts'
import { fieldsOf, firstOf, HEAD, laterOf, type Field } from './fields.ts'

const side = (side: Side): readonly Field[] =>
  fieldsOf(ROUTE.filter((counter) => counter.side === side && counter.word !== 'requests'))

/** One item per line. */
const list = (name: string, items: readonly string[]): string => [`#define ${name}`, ...items].join(' \\\n\t')
const macro = (name: string, fields: readonly Field[]): string =>
  list(
    `${name}(COUNT, BYTES)`,
    fields.map(({ word, isBytes }) => `${isBytes ? 'BYTES' : 'COUNT'}(${word})`),
  )

export const c = (): string => `/* ${HEAD} */
#pragma once

/* Lists of counters: COUNT(word) is applied to each, BYTES(word) to byte totals, which may exceed 2^53. */

/* Counters of a slot, by the program that adds to them. \`requests\` is separate, because it is read last. */
${macro('SLOT_ENDING', side('ending'))}
${macro('SLOT_SENDING', side('sending'))}

${macro(
  'ROUTE_FAILURES',
  fieldsOf(ROUTE).filter(({ isFailure }) => isFailure),
)}

/* Columns of a row on the wire: those of the first version, and those that were added at the end. */
${macro('TRAFFIC_COLUMNS', firstOf(fieldsOf(ROUTE)))}
${macro('TRAFFIC_COLUMNS_LATER', laterOf(fieldsOf(ROUTE)))}
${macro(
  'BACKEND_COUNTERS',
  fieldsOf(CONNECTION).filter(({ isGauge }) => !isGauge),
)}
${list(
  'BACKEND_GAUGES(COUNT)',
  fieldsOf(CONNECTION)
    .filter(({ isGauge }) => isGauge)
    .map(({ word }) => `COUNT(${word})`),
)}
${macro('CONNECTION_COLUMNS', firstOf(fieldsOf(CONNECTION)))}
${macro('CONNECTION_COLUMNS_LATER', laterOf(fieldsOf(CONNECTION)))}

/* Totals, with an entry per CPU: how each payload segment was classified, what was lost, what was excluded. */
enum total {
${totals('T', CONTROL)}
${totals('L', LOSS)}
${totals('X', EXCLUDED)}
\tTOTALS,
};

/* Their words on the wire. */
${words('CONTROL_WORDS', 'T', CONTROL)}
${words('LOSS_WORDS', 'L', LOSS)}
${words('EXCLUDED_WORDS', 'X', EXCLUDED)}
`

const nameOf = (letter: string, { word }: Counter): string => `${letter}_${word.toUpperCase()}`
const totals = (letter: string, counters: readonly Counter[]): string =>
  counters.map((counter) => `\t${nameOf(letter, counter)}, /* ${counter.what} */`).join('\n')
const words = (name: string, letter: string, counters: readonly Counter[]): string =>
  list(
    `${name}(TOTAL)`,
    counters.map((counter) => `TOTAL(${nameOf(letter, counter)}, "${counter.word}")`),
  )
