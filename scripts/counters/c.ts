/** The counters in C: what the kernel adds to, and the order in which the helper writes it. */
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

/** A line each. */
const list = (name: string, items: readonly string[]): string => [`#define ${name}`, ...items].join(' \\\n\t')
const macro = (name: string, fields: readonly Field[]): string =>
  list(
    `${name}(COUNT, BYTES)`,
    fields.map(({ word, isBytes }) => `${isBytes ? 'BYTES' : 'COUNT'}(${word})`),
  )

export const c = (): string => `/* ${HEAD} */
#pragma once

/* Lists of counters: what to do with each is COUNT(word), and BYTES(word) for totals that may pass 2^53. */

/* Of a slot, by who adds to them; \`requests\` stands by itself, for it is read last. */
${macro('SLOT_ENDING', side('ending'))}
${macro('SLOT_SENDING', side('sending'))}

${macro(
  'ROUTE_FAILURES',
  fieldsOf(ROUTE).filter(({ isFailure }) => isFailure),
)}

/* A row of the wire: its first columns, and those that were added at its end. */
${macro('TRAFFIC_COLUMNS', firstOf(fieldsOf(ROUTE)))}
${macro('TRAFFIC_COLUMNS_LATER', laterOf(fieldsOf(ROUTE)))}
${macro('BACKEND_COUNTERS', fieldsOf(CONNECTION))}
${macro('CONNECTION_COLUMNS', firstOf(fieldsOf(CONNECTION)))}
${macro('CONNECTION_COLUMNS_LATER', laterOf(fieldsOf(CONNECTION)))}

/* One entry per CPU: what became of every payload segment, what was lost, what was left out. */
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
