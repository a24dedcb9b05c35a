/** What fuzzing found: a line of JSON each, and one entry a kind. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

export interface Finding {
  readonly number: number
  readonly kind: 'exception' | 'hang' | 'memory' | 'died'
  /** the first line of what was thrown, or of what was seen */
  readonly text: string
  /** frames of our own code, innermost first; none of what did not come back: `--only` and a profiler tell */
  readonly where: readonly string[]
}

export interface FindingKind extends Finding {
  /** how often it was met; `number` is the first */
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

/** Numbers and names differ from input to input: what is left, and where it happened, is the kind. */
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

/** `name file:line` of each frame that is ours. */
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
