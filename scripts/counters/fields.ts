/** The declaration as the templates need it. */
import { NONE_BEFORE, type Counter } from '../../src/frame/model/counters.ts'

export interface Field {
  readonly word: string
  /** in TypeScript */
  readonly name: string
  readonly what: string
  readonly isFailure: boolean
  readonly isBytes: boolean
  /** a value at the end of a tick, not a difference */
  readonly isGauge: boolean
  /** may be unknown, which is null */
  readonly isLater: boolean
  /** what is unknown adds nothing to a sum */
  readonly isNoneBefore: boolean
}

export const fieldsOf = (counters: readonly Counter[]): readonly Field[] =>
  counters.map(({ word, name, kind, since, what }) => ({
    word,
    name,
    what,
    isFailure: kind === 'failure',
    isBytes: kind === 'bytes',
    isGauge: kind === 'gauge',
    isLater: since === 'later',
    isNoneBefore: NONE_BEFORE.includes(word),
  }))

/** The first columns of a row, and the columns that were added behind them. */
export const firstOf = (fields: readonly Field[]): readonly Field[] =>
  fields.filter(({ isLater }) => !isLater)
export const laterOf = (fields: readonly Field[]): readonly Field[] => fields.filter(({ isLater }) => isLater)

/**
 * Of the added columns of a row of traffic, so many stand before `grpc`, which is no counter but a list. A counter that is added to ROUTE
 * stands behind it.
 */
export const BEFORE_GRPC = 3

/** Applies the template to each field, in order. */
export const each = (
  fields: readonly Field[],
  template: (field: Field, index: number) => string,
  separator = '\n',
): string => fields.map(template).join(separator)

export const HEAD = 'Made by `make counters` from src/frame/model/counters.ts: change that file.'
