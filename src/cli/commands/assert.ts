import { Command, Option } from 'commander'
import { ExitCode, UserError } from '../../errors.ts'
import { checkCondition } from '../../frame/expression/condition.ts'
import { parseExpression } from '../../frame/expression/expression-parser.ts'
import { BY_REQUESTS } from '../../report/data/order.ts'
import { ASSERTION_FORMATS, type AssertionFormat } from '../../report/gates/assertion-formats.ts'
import type { Assertion } from '../../report/gates/assertions.ts'
import type { Io } from '../io.ts'
import { withErrorPosition, rowsOption } from '../values/expression.ts'
import { refuseStream } from '../values/file.ts'
import { openShifted, reportDamage } from '../values/recordings.ts'
import { repeated } from '../values/repeated.ts'
import { fleetScope, rangeOptions, timeZoneOption } from '../values/time.ts'
import { legible, writeResult } from '../write-result.ts'

interface AssertFlags {
  readonly from?: string
  readonly to?: string
  readonly where: readonly string[]
  readonly format: AssertionFormat
  readonly out?: string
  readonly tz?: string
}

export function assertCommand(io: Io): Command {
  return new Command('assert')
    .description('hold expressions against a recording; exit 3 when one does not hold')
    .argument('<file>', 'a recording')
    .argument('<expression...>', "for example 'p99(/checkout) < 300ms'")
    .option('--from <time>', 'start of the range')
    .option('--to <time>', 'end of the range; +90s counts from --from')
    .option(
      '--where <expression>',
      'rows to keep, by backend, upstream, method and route (repeatable)',
      repeated,
      [],
    )
    .addOption(
      new Option('--format <format>', 'how to write it')
        .choices(Object.keys(ASSERTION_FORMATS))
        .default('text'),
    )
    .option('--out <file>', 'write it there instead of standard output')
    .option(
      '--tz <zone>',
      "read times in local, UTC or a named zone (default: the recording's)",
      timeZoneOption(io),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, texts: string[], flags: AssertFlags) => {
      refuseStream('assert', file)
      const { assertAll } = await import('../../report/gates/assertions.ts')
      const { Evidence } = await import('../../report/gates/evidence.ts')
      const { summarise } = await import('../../report/data/summary.ts')
      const assertions = texts.map((text): Assertion =>
        withErrorPosition('expression', () => {
          const assertion = { text, expression: parseExpression(text) }
          checkCondition(text, assertion.expression)
          return assertion
        }),
      )
      const selection = rowsOption('--where', flags.where)
      const recordings = await openShifted([file], new Map())
      try {
        const range = rangeOptions(flags.from, flags.to, fleetScope(recordings, io, flags.tz))
        const summary = summarise(recordings, { range, selection, order: BY_REQUESTS, top: null })
        reportDamage({ ...summary, ticks: summary.whole.ticks }, io)
        const results = assertAll(assertions, new Evidence(recordings, summary))
        const text = ASSERTION_FORMATS[flags.format](results, summary, flags)
        await writeResult(legible([text], flags.format, flags.out, io), flags.out, io)
        const failed = results.filter(({ holds }) => !holds).length
        if (failed > 0)
          throw new UserError(ExitCode.gateFailed, `${failed} of ${results.length} assertions failed`)
      } finally {
        for (const recording of recordings) recording.close()
      }
    })
}

const EXAMPLES = `
Examples:
  upstreamtop assert run.db 'p99(/checkout) < 300ms' '5xx < 1%' 'coverage > 99%'
  upstreamtop assert run.db "backend = 10.0.1.12:8080 and failures = 0" --from 14:02 --to 14:05
  upstreamtop assert run.db 'total.p95 < 1s' --format junit --out report.xml

A measure without data holds nothing, counts too: an empty recording, a gap, or a backend or route that never occurs in the
recording passes no gate. 5xx(*) < 1% must hold of every backend that has data, and names the one that fails. absent(/old), absent(10.0.1.10:8080) hold if there is none of it. Exit 0 all hold, 3 one does not.
`
