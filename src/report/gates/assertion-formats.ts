/** Results of assertions as text, as JSON, and for CI systems as JUnit XML and GitHub workflow commands. */
import { isoUtc } from '../../frame/time/timezone.ts'
import { jsonText, visible } from '../../render/text.ts'
import type { Summary } from '../data/summary.ts'
import { documentOf } from '../document/json.ts'
import type { AssertionResult } from './assertions.ts'

type Formatter = (results: readonly AssertionResult[], summary: Summary, asked: Asked) => string

/** Range and selection in the user's words. */
export interface Asked {
  readonly from?: string
  readonly to?: string
  readonly where: readonly string[]
}

export const ASSERTION_FORMATS = { text, json, junit, github } as const satisfies Readonly<
  Record<string, Formatter>
>
export type AssertionFormat = keyof typeof ASSERTION_FORMATS

function text(results: readonly AssertionResult[]): string {
  const width = Math.max(...results.map(({ expression }) => visible(expression).length))
  return results
    .map(({ expression, holds, measured }) => {
      // One measure is named by the expression, unless that is of any one backend.
      const isClear = measured.length === 1 && !expression.includes('(*')
      const what = measured.map(({ measure, shown }) => `${isClear ? '' : `${measure} = `}${shown}`)
      return `${holds ? 'ok  ' : 'FAIL'}  ${visible(expression).padEnd(width)}  measured ${visible(what.join(', '))}\n`
    })
    .join('')
}

function json(results: readonly AssertionResult[], summary: Summary): string {
  const { schema, recording, range } = documentOf(summary, [])
  const assertions = results.map(({ expression, holds, measured }) => ({
    expression,
    holds,
    measured: measured.map(({ measure, value, count, reason }) => ({ measure, value, count, reason })),
  }))
  return `${jsonText({ schema, recording, range, ok: results.every(({ holds }) => holds), assertions })}\n`
}

/**
 * The JUnit dialect that Jenkins, GitLab and others read. They know a suite by its name, and a case by class and name. Both have file,
 * range and selection, so that two ranges are two suites. The class has the range in the user's words, which are the same in the next
 * build. Times are those of the recording: the same input gives the same bytes.
 */
function junit(results: readonly AssertionResult[], summary: Summary, asked: Asked): string {
  const failed = results.filter(({ holds }) => !holds).length
  const measuredOn = scopeOf(summary, asked)
  const counts = `tests="${results.length}" failures="${failed}" errors="0"`
  const { from, to } = summary.query.range
  const time = `time="${((to - from) / 1e6).toFixed(3)}"`
  const hosts = [...new Set(summary.recordings.map(({ host }) => host))].join(' ')
  const about = `timestamp="${isoUtc(from).slice(0, 19)}" ${time} hostname="${xml(hosts)}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts} ${time}>`,
    `  <testsuite name="upstreamtop ${xml(measuredOn)}" ${counts} skipped="0" ${about}>`,
    ...results.map((result) => {
      const open = `    <testcase classname="upstreamtop.${xml(classOf(summary, asked))}" name="${xml(result.expression)}" ${time}`
      return result.holds ? `${open}/>` : `${open}>${failureOf(result, measuredOn)}</testcase>`
    }),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

/** `run.db 2026-11-22T14:00:00Z to 2026-11-22T14:10:00Z where backend ~ '10.0.1.'` */
function scopeOf({ recordings, query: { range } }: Summary, { where }: Asked): string {
  const [from, to] = [range.from, range.to].map((time) => isoUtc(time).replace('.000Z', 'Z'))
  return [...recordings.map(({ file }) => file), `${from} to ${to}`, ...wordsOf({ where })].join(' ')
}

/** Without dots, at which readers split a class into packages. */
const classOf = ({ recordings }: Summary, asked: Asked): string =>
  [...recordings.map(({ file }) => file), ...wordsOf(asked)].join(' ').replaceAll('.', '_')

const wordsOf = ({ from, to, where }: Asked): string[] => [
  ...(from === undefined ? [] : [`from ${from}`]),
  ...(to === undefined ? [] : [`to ${to}`]),
  ...where.map((text) => `where ${text}`),
]

function failureOf(result: AssertionResult, scope: string): string {
  const lines = [result.expression, `measured ${shownOf(result)}`, `in ${scope}`]
  return `<failure type="assertion" message="${xml(shownOf(result))}">${lines.map(xml).join('\n')}</failure>`
}

/** Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function github(results: readonly AssertionResult[]): string {
  const message = (sign: string): string => visible(sign).replaceAll('%', '%25')
  return results
    .map((result) => {
      const kind = result.holds ? 'notice' : 'error'
      return `::${kind} title=upstreamtop::${message(`${result.expression}: measured ${shownOf(result)}`)}\n`
    })
    .join('')
}

const shownOf = ({ measured }: AssertionResult): string =>
  measured.map(({ measure, shown }) => `${measure} = ${shown}`).join(', ')

/** U+FFFE and U+FFFF may not occur in XML, not even as references. */
const xml = (sign: string): string =>
  visible(sign)
    .replace(/[\ufffe\uffff]/g, '\ufffd')
    .replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`)
