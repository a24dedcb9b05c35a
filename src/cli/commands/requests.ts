import { Command, Option } from 'commander'
import { usageError } from '../../errors.ts'
import { selects } from '../../frame/expression/selection.ts'
import { listsFewer } from '../../frame/time/thinned.ts'
import { ticksWithin } from '../../frame/time/time.ts'
import { needsOffset, clockTimeMillis } from '../../frame/time/timezone.ts'
import type { Io } from '../io.ts'
import { bomOption, checkBom } from '../values/bom.ts'
import { selectionOption } from '../values/expression.ts'
import { refuseStream } from '../values/file.ts'
import { repeated } from '../values/repeated.ts'
import { rangeOptions, timeScope, timeZoneOption } from '../values/time.ts'
import { legible, writeResult } from '../write-result.ts'

interface RequestsFlags {
  readonly from?: string
  readonly to?: string
  readonly where: readonly string[]
  readonly format: 'text' | 'csv' | 'ndjson'
  readonly bom?: boolean
  readonly tz?: string
}

export function requestsCommand(io: Io): Command {
  return new Command('requests')
    .description(
      'single requests: every failure and 5xx, the slowest, and a sample of the rest, as they were recorded',
    )
    .argument('<file>', 'the recording')
    .option('--from <time>', 'start of the range, for example 14:02, +90s, 30% or @marker')
    .option('--to <time>', 'end of the range; +90s counts from --from')
    .option('--where <expression>', 'requests to list (repeatable)', repeated, [])
    .addOption(
      new Option('--format <format>', 'how to write them').choices(['text', 'csv', 'ndjson']).default('text'),
    )
    .addOption(bomOption())
    .option(
      '--tz <zone>',
      "show times in local, UTC or a named zone (default: the recording's)",
      timeZoneOption(io),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { from, to, where, format, bom, tz }: RequestsFlags) => {
      refuseStream('requests', file)
      checkBom(bom, format)
      const selection = selectionOption('--where', where)
      if (selection.lines !== null) {
        throw usageError(
          '--where: measures are of many requests',
          'A single one has backend, upstream, method, route and status.',
        )
      }
      const { openRecording } = await import('../../store/read/reader.ts')
      const { requestRows } = await import('../requests.ts')
      const recording = openRecording(file)
      try {
        const scope = timeScope(recording, io, tz)
        const range = rangeOptions(from, to, scope)
        const ranges = ticksWithin(recording.ticks, range)
        if (listsFewer(recording, range)) io.stderr.line(FEWER)
        const withOffset = needsOffset(range, scope.timeZone)
        const rows = requestRows(
          recording,
          ranges,
          (event) => selects(selection, event),
          format,
          (at) => clockTimeMillis(at, scope.timeZone, withOffset),
        )
        await writeResult(legible(rows, format, undefined, io), undefined, io, bom)
      } finally {
        recording.close()
      }
    })
}

const FEWER =
  'upstreamtop: in a part of this range fewer requests were listed than --requests asked for: the recorder was beyond its ceiling'

const EXAMPLES = `
Examples:
  upstreamtop requests incident.db --from 14:02 --to +10s
  upstreamtop requests incident.db --where 'status >= 500 and route = "/checkout"'
  upstreamtop requests incident.db --format csv > requests.csv

CSV and NDJSON: at (UTC), backend, method, route, status, failure, header_ms, total_ms, name, names; where there are several network
namespaces netns and namespace, too.
`
