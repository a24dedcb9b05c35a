import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import { matches, testsRoutes } from '../../frame/expression/selection.ts'
import { ticksWithin } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import type { CutRequest } from '../../store/tools/cut.ts'
import { REDACTABLE, type Redactable } from '../../store/tools/redact.ts'
import type { Io } from '../io.ts'
import { size } from '../values/amount.ts'
import { selectionOption } from '../values/expression.ts'
import { refuseStandardOutput, refuseStream } from '../values/file.ts'
import { repeated } from '../values/repeated.ts'
import { rangeOptions, timeScope } from '../values/time.ts'

interface CutFlags {
  readonly out: string
  readonly from?: string
  readonly to?: string
  readonly backend: readonly string[]
  readonly route: readonly string[]
  readonly where: readonly string[]
  readonly redact: ReadonlySet<Redactable>
  readonly maxSize?: number
}

export function cutCommand(io: Io): Command {
  return new Command('cut')
    .description('a range of a recording as a recording of its own, checked by reading it again')
    .argument('<file>', 'the recording; it may be being recorded')
    .requiredOption('-o, --out <file>', 'the recording to write; never overwritten')
    .option('--from <time>', 'start of the range, for example 14:02, +90s, 30% or @marker')
    .option('--to <time>', 'end of the range; +90s counts from --from')
    .option(
      '--backend <address>',
      'keep this backend alone: its address or its name (repeatable)',
      repeated,
      [],
    )
    .option('--route <path>', 'keep this route alone (repeatable)', repeated, [])
    .option('--where <expression>', 'keep these rows alone (repeatable)', repeated, [])
    .option(
      '--redact <what>',
      `pseudonyms instead: ${REDACTABLE.join(',')}`,
      redactions,
      new Set<Redactable>(),
    )
    .option(
      '--max-size <size>',
      'list fewer single requests until it fits; counts are never thinned',
      size('--max-size'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, flags: CutFlags) => {
      refuseStream('cut', file)
      refuseStandardOutput('-o', flags.out)
      const keeps = rowsToKeep(flags)
      const { openRecording } = await import('../../store/read/reader.ts')
      const { cutRecording } = await import('../../store/tools/cut.ts')
      const { tickProgress } = await import('../progress.ts')
      const recording = openRecording(file)
      try {
        const scope = timeScope(recording, io)
        const span = rangeOptions(flags.from, flags.to, scope)
        const ranges = ticksWithin(recording.ticks, span)
        if (ranges.length === 0)
          throw usageError('the range holds no ticks', 'It lies in a gap; info lists them.')
        for (const words of recording.damage) io.stderr.line(`${file}: ${words}`)
        const { out, redact, maxSize } = flags
        const progress = tickProgress(io, 'cutting')
        const result = await cutRecording(
          recording,
          { ranges, span, keeps, byRoute: keepsByRoute(flags), redact, maxSize: maxSize ?? null, out },
          progress,
        )
        progress.done()
        const { bytes, plural, percent } = await import('../../render/quantities.ts')
        if (result.lost > 0) io.stderr.line(`${file}: ${plural(result.lost, 'tick')} cannot be read`)
        if (keeps !== null && result.backends === 0)
          io.stderr.line('no row of these ticks is what you asked for: the cut holds times alone')
        if (result.ringShare < 1)
          io.stderr.line(`${percent(result.ringShare)} of the single requests are listed`)
        io.stdout.line(`${out}: ${plural(result.ticks, 'tick')}, ${bytes(result.bytes)}`)
        io.stdout.line(`${isoUtc(span.from)} to ${isoUtc(span.to)}`)
        io.stdout.line(`sha256 ${result.sha256}`)
      } finally {
        recording.close()
      }
    })
}

function redactions(text: string): ReadonlySet<Redactable> {
  const words = text.split(',').map((word) => {
    const known = REDACTABLE.find((what) => what === word.trim())
    if (known === undefined)
      throw usageError(`--redact "${word}" is unknown`, `Choose from ${REDACTABLE.join(', ')}.`)
    return known
  })
  return new Set(words)
}

/** A row must satisfy all given options; null: every row is kept. */
function rowsToKeep({ backend, route, where }: CutFlags): CutRequest['keeps'] {
  const { rows, codes, lines } = selectionOption('--where', where)
  if (codes !== null || lines !== null) {
    throw usageError(
      '--where: a cut keeps rows by backend, upstream, method and route',
      'Measures and status are for report and requests.',
    )
  }
  if (backend.length + route.length === 0 && rows === null) return null
  return (row) =>
    (backend.length === 0 ||
      [row.backend.address, ...(row.backend.names ?? [])].some((name) => backend.includes(name))) &&
    (route.length === 0 || row.route === null || route.includes(row.route.path)) &&
    (rows === null || matches(rows, { ...row, outcome: null }))
}

function keepsByRoute({ route, where }: CutFlags): boolean {
  const { rows } = selectionOption('--where', where)
  return route.length > 0 || (rows !== null && testsRoutes(rows))
}

const EXAMPLES = `
Examples:
  upstreamtop cut live.db --from 14:02 --to +5m -o incident.db
  upstreamtop cut big.db --from @deploy --to -0s --max-size 25MB -o attach.db
  upstreamtop cut incident.db --backend 10.0.1.12:8080 --route /checkout -o checkout.db
  upstreamtop cut incident.db --redact paths,ips,hosts -o public.db

A cut counts what was in its range and rows; loss and what was excluded stay those of the whole host.
`
