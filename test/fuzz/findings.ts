/** Findings of the fuzzers: one JSON line per finding, one entry per kind. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

export interface Finding {
  readonly number: number
  readonly kind: 'exception' | 'hang' | 'memory' | 'died'
  /** the first line of the error, or what was observed */
  readonly text: string
  /** stack frames of our code, innermost first; empty for a hang: use `--only` and a profiler */
  readonly where: readonly string[]
}

export interface FindingKind extends Finding {
  /** number of occurrences; `number` is the first one */
  readonly times: number
}

export const addFinding = (file: string, finding: Finding): void =>
  appendFileSync(file, `${JSON.stringify(finding)}\n`)

export const readFindings = (file: string): Finding[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Finding)
    : []

/** Numbers and names differ between inputs. The rest of the text and the top stack frames identify the kind. */
export const signatureOf = ({ kind, text, where }: Finding): string =>
  [kind, text.replace(/"[^"]*"/g, '""').replace(/\d+/g, '#'), ...where.slice(0, 3)].join('\n')

export function kindsOf(findings: readonly Finding[]): FindingKind[] {
  const kinds = new Map<string, FindingKind>()
  for (const finding of findings) {
    const key = signatureOf(finding)
    const known = kinds.get(key)
    const first = known === undefined || finding.number < known.number ? finding : known
    kinds.set(key, { ...first, times: (known?.times ?? 0) + 1 })
  }
  return [...kinds.values()].sort((a, b) => b.times - a.times)
}

/** `name file:line` of each stack frame in our code. */
const ownFrames = (stack: readonly string[]): string[] =>
  stack
    .map((line) => /(?:at )?(?:async )?([^\s(]*) ?\(?.*?((?:src|test)\/[^\s:)]+:\d+)/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, name = '', place = '']) => `${name} ${place}`)

export function findingOf(number: number, error: unknown): Finding {
  if (!(error instanceof Error)) return { number, kind: 'exception', text: String(error), where: [] }
  const stack = error.stack ?? ''
  const text = `${error.name}: ${error.message}`
  const frames = stack.slice(stack.indexOf('\n    at ') + 1).split('\n')
  return { number, kind: 'exception', text: text.slice(0, 500), where: ownFrames(frames).slice(0, 8) }
}
