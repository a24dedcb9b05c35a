import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { ExitCode, usageError, UserError } from '../../errors.ts'
import { parseExpression } from '../../frame/expression/expression-parser.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { BY_REQUESTS, type Order } from '../../report/data/order.ts'
import type { Assertion } from '../../report/gates/assertions.ts'
import { DIFFERENCE_FORMATS, type DifferenceFormat } from '../../report/gates/difference-formats.ts'
import type { Io } from '../io.ts'
import { withErrorPosition, rowsOption } from '../values/expression.ts'
import { refuseStream } from '../values/file.ts'
import { wholeNumber } from '../values/number.ts'
import { openShifted, reportDamage } from '../values/recordings.ts'
import { repeated } from '../values/repeated.ts'
import { sortOption } from '../values/sort.ts'
import { spanOption, timeScope, timeZoneOption } from '../values/time.ts'
import { legible, writeResult } from '../write-result.ts'

interface DiffFlags {
  readonly base?: string
  readonly target?: string
  readonly failOn: readonly string[]
  readonly where: readonly string[]
  readonly sort?: Order
  readonly top?: number
  readonly format: DifferenceFormat
  readonly out?: string
  readonly tz?: string
}

export function diffCommand(io: Io): Command {
  return new Command('diff')
    .description('compare two recordings, or two ranges of one: what changed, and whether it could be chance')
    .argument('<base>', 'a recording')
    .argument('[target]', 'another one; without it both ranges are of the first')
    .allowExcessArguments()
    .option('--base <range>', 'a..b: what to compare with')
    .option('--target <range>', 'c..d: what to compare')
    .option(
      '--fail-on <expression>',
      "exit 3 if it is true, for example 'p99 > +20%' (one or more)",
      repeated,
      [],
    )
    .option(
      '--where <expression>',
      'rows to keep, by backend, upstream, method and route (repeatable)',
      repeated,
      [],
    )
    .option('--sort <column>', 'order of the lines (default: requests)', sortOption)
    .option('--top <n>', 'lines of a list at most', wholeNumber('--top', 1, 1_000_000))
    .addOption(
      new Option('--format <format>', 'how to write it')
        .choices(Object.keys(DIFFERENCE_FORMATS))
        .default('text'),
    )
    .option('--out <file>', 'write it there instead of standard output')
    .option(
      '--tz <zone>',
      "show times in local, UTC or a named zone (default: the recording's)",
      timeZoneOption(io),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _: string | undefined, flags: DiffFlags, { args }: Command) => {
      const { other, failOn } = splitArguments(args.slice(1), flags)
      if (other === undefined && (flags.base === undefined || flags.target === undefined)) {
        throw usageError(
          `there is only "${file}" to compare`,
          'Name a second recording, or two ranges: --base a..b --target c..d.',
        )
      }
      const files = other === undefined ? [file] : [file, other]
      for (const name of files) refuseStream('diff', name)
      const gates = await gatesOf(failOn)
      const recordings = await openShifted(files, new Map())
      try {
        await compare(recordings[0]!, recordings.at(-1)!, gates, flags, io)
      } finally {
        for (const recording of recordings) recording.close()
      }
    })
}

/** `--fail-on A B`: an argument that compares, or says what is absent, is another gate, unless there is a file of that name. */
function splitArguments(
  words: readonly string[],
  { failOn }: DiffFlags,
): { readonly other: string | undefined; readonly failOn: readonly string[] } {
  const isGate = (word: string): boolean =>
    failOn.length > 0 && /[<>=]|^(not\s*)?absent\(/.test(word) && !existsSync(word)
  const [other, ...rest] = words.filter((word) => !isGate(word))
  if (rest.length > 0)
    throw usageError(`"${rest[0]}" is one too many`, 'Two recordings are compared, or two ranges of one.')
  return { other, failOn: [...failOn, ...words.filter(isGate)] }
}

async function gatesOf(texts: readonly string[]): Promise<Assertion[]> {
  const { checkGate } = await import('../../report/gates/difference.ts')
  return texts.map((text) =>
    withErrorPosition('--fail-on', () => {
      const gate = { text, expression: parseExpression(text) }
      checkGate(gate)
      return gate
    }),
  )
}

async function compare(
  a: Recording,
  b: Recording,
  gates: readonly Assertion[],
  flags: DiffFlags,
  io: Io,
): Promise<void> {
  const { differenceOf } = await import('../../report/gates/difference.ts')
  const { summarise } = await import('../../report/data/summary.ts')
  const selection = rowsOption('--where', flags.where)
  const { Evidence } = await import('../../report/gates/evidence.ts')
  const side = (recording: Recording, option: string, span: string | undefined) => {
    const scope = timeScope(recording, io, flags.tz)
    const range = span === undefined ? scope.span : spanOption(option, span, scope)
    const order = flags.sort ?? BY_REQUESTS
    const summary = summarise([recording], { range, selection, order, top: flags.top ?? null })
    reportDamage({ ...summary, ticks: summary.whole.ticks }, io)
    return new Evidence([recording], summary)
  }
  const difference = differenceOf(side(a, '--base', flags.base), side(b, '--target', flags.target), gates)
  const text = DIFFERENCE_FORMATS[flags.format](difference, timeScope(a, io, flags.tz).timeZone)
  await writeResult(legible([text], flags.format, flags.out, io), flags.out, io)
  const failed = difference.gates.filter((gate) => gate.failed).length
  if (failed > 0) throw new UserError(ExitCode.gateFailed, `${failed} of ${gates.length} gates failed`)
}

const EXAMPLES = `
Examples:
  upstreamtop diff before.db after.db
  upstreamtop diff incident.db --base 14:00..14:03 --target 14:05..14:08
  upstreamtop diff main.db branch.db --fail-on 'p99 > +20%' --fail-on '5xx > +1pp'
  upstreamtop diff main.db branch.db --fail-on 'p99(/checkout) > +50ms' --format md

A sign makes it a change: +20% of what it was, +1pp points of a share, +50ms. Without a sign it is the target's own value.
A gate without data fails too: nothing recorded, or a backend or route that never occurs; a change needs data on both
sides. Exit 0 none failed, 3 one did.

≈ marks what could be chance, by tests at 1 % (z = 2.58): rates as Poisson counts; shares as two proportions with one success
and one failure added to each (Agresti and Caffo); percentiles where the intervals that hold the true ones (ranks nq ± z·√(nq(1−q)))
overlap, or where the histogram can't tell them apart (6.4 %); where fewer than five values lie beyond, by whose the greatest
values are. Requests that influence each other vary more than these say.
`
