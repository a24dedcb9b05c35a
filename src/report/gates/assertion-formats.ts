/** Results of assertions as text, as JSON, and for CI systems as JUnit XML and GitHub workflow commands. */
import { jsonText, visible } from '../../render/text.ts'
import type { Summary } from '../data/summary.ts'
import { documentOf } from '../document/json.ts'
import type { AssertionResult } from './assertions.ts'

type Formatter = (results: readonly AssertionResult[], summary: Summary) => string

export const ASSERTION_FORMATS = { text, json, junit, github } as const satisfies Readonly<
  Record<string, Formatter>
>
export type AssertionFormat = keyof typeof ASSERTION_FORMATS

function text(results: readonly AssertionResult[]): string {
  const width = Math.max(...results.map(({ expression }) => visible(expression).length))
  return results
    .map(({ expression, holds, measured }) => {
      const what = measured.map(
        ({ measure, shown }) => `${measured.length > 1 ? `${measure} = ` : ''}${shown}`,
      )
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

/** The JUnit dialect that Jenkins, GitLab and others read. */
function junit(results: readonly AssertionResult[], summary: Summary): string {
  const failed = results.filter(({ holds }) => !holds).length
  const name = xml(summary.recordings.map(({ file }) => file).join(' '))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${results.length}" failures="${failed}">`,
    `  <testsuite name="upstreamtop ${name}" tests="${results.length}" failures="${failed}" errors="0" skipped="0">`,
    ...results.map((result) => {
      const open = `    <testcase classname="upstreamtop" name="${xml(result.expression)}"`
      return result.holds ? `${open}/>` : `${open}><failure message="${xml(shownOf(result))}"/></testcase>`
    }),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
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

const xml = (sign: string): string =>
  visible(sign).replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`)
