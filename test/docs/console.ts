/**
 * Pages of docs/ as tests: the lines of each ```console block that begin with `$ ` are run, in one folder per page, and the
 * lines after them are their expected output (stdout, then stderr). `…` alone on a line stands for omitted lines: these are compared
 * with fixtures/golden/docs/. GOLDEN=renew writes the actual output into both; around a `…`, beginning and end keep their length.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { runCommand } from '../cli/run-command.ts'

export interface Session {
  readonly command: string
  readonly expected: string
  readonly printed: string
  readonly exit: number
}

const BLOCK = /^(`{3,})console\n([^]*?)^\1$/gm

/** Runs a page in the current folder. Only upstreamtop may be run. */
export async function runPage(path: string): Promise<Session[]> {
  const page = readFileSync(path, 'utf8')
  const sessions: Session[] = []
  for (const [, , block = ''] of page.matchAll(BLOCK)) {
    for (const part of block.split(/^(?=\$ )/m)) {
      const [line = '', ...output] = part.split('\n')
      sessions.push(await runLine(line.slice(2), output.join('\n')))
    }
  }
  return sessions
}

async function runLine(command: string, expected: string): Promise<Session> {
  const [program, ...args] = wordsOf(command)
  if (program !== 'upstreamtop') throw new Error(`the page runs another program: ${command}`)
  const { code, stdout, stderr } = await runCommand(args)
  return { command, expected, printed: masked(stdout + stderr), exit: code }
}

/** Replaces text that differs from run to run, or with the packing of the store. */
const masked = (text: string): string =>
  text.replace(/sha256 [0-9a-f]{64}/g, 'sha256 …').replace(/ticks, [\d.]+ [kM]?B/g, 'ticks, … kB')

/** Splits like a shell: quotes, nothing else. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  )

/** The output, shortened where the page has a `…`. */
export function asShown(session: Session): string {
  const parts = partsOf(session)
  return parts === null ? session.printed : [...parts.begin, '…', ...parts.end].join('\n')
}

/** What the page hides behind a `…`, after the command that prints it; empty without a `…`. */
export function hiddenIn(session: Session): string {
  const parts = partsOf(session)
  return parts === null ? '' : [`$ ${session.command}`, ...parts.hidden, ''].join('\n')
}

function partsOf({ expected, printed }: Session) {
  const shown = expected.split('\n')
  const cut = shown.indexOf('…')
  if (cut < 0) return null
  const lines = printed.split('\n')
  const tail = lines.length - (shown.length - cut - 1)
  return { begin: lines.slice(0, cut), hidden: lines.slice(cut, tail), end: lines.slice(tail) }
}

export function renew(path: string, sessions: readonly Session[]): void {
  let page = readFileSync(path, 'utf8')
  for (const session of sessions) {
    page = page.replace(
      `$ ${session.command}\n${session.expected}`,
      () => `$ ${session.command}\n${asShown(session)}`,
    )
  }
  writeFileSync(path, page)
}
