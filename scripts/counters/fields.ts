/** The declaration as the templates need it. */
import type { Counter } from '../../src/frame/model/counters.ts'

export interface Field {
  readonly word: string
  /** in TypeScript */
  readonly name: string
  readonly what: string
  readonly isFailure: boolean
  readonly isBytes: boolean
  /** null where it is not known */
  readonly isLater: boolean
}

export const fieldsOf = (counters: readonly Counter[]): readonly Field[] =>
  counters.map(({ word, name, kind, since, what }) => ({
    word,
    name,
    what,
    isFailure: kind === 'failure',
    isBytes: kind === 'bytes',
    isLater: since === 'later',
  }))

/** What stands in a row's first columns, and what was added behind them. */
export const firstOf = (fields: readonly Field[]): readonly Field[] =>
  fields.filter(({ isLater }) => !isLater)
export const laterOf = (fields: readonly Field[]): readonly Field[] => fields.filter(({ isLater }) => isLater)

/** A template for each, in order. */
export const each = (
  fields: readonly Field[],
  template: (field: Field, index: number) => string,
  separator = '\n',
): string => fields.map(template).join(separator)

export const HEAD = 'Made by `make counters` from src/frame/model/counters.ts: change that file.'
