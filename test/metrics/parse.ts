/** Reads the text of a scrape strictly, so that a line that no scraper would take fails the test. */
import assert from 'node:assert/strict'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** seconds since 1970; null: none is written */
  readonly at: number | null
}

const SAMPLE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (\S+))?$/i
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/giy

export function samplesIn(text: string): readonly Sample[] {
  const lines = text.split('\n')
  assert.equal(lines.pop(), '', 'the last line is whole')
  return lines.filter((line) => !line.startsWith('#')).map(sampleIn)
}

function sampleIn(line: string): Sample {
  const [, name, labels = '', value, at] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`)
  const pairs = [...labels.matchAll(LABEL)]
  assert.equal(pairs.map(([whole]) => whole).join(''), labels, `no labels: ${line}`)
  const unescaped = (text: string): string =>
    text.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))
  const entries = pairs.map(([, key, text]) => [key!, unescaped(text!)] as const)
  return {
    name: name!,
    labels: Object.fromEntries(entries),
    value: Number(value),
    at: at ? Number(at) : null,
  }
}

/** The sum of a metric over all series that have these labels. */
export const sumOf = (samples: readonly Sample[], name: string, labels: Sample['labels'] = {}): number =>
  samples
    .filter((sample) => sample.name === name && hasLabels(sample, labels))
    .reduce((sum, { value }) => sum + value, 0)

export const hasLabels = (sample: Sample, labels: Sample['labels']): boolean =>
  Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
