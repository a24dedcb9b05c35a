import { setFlagsFromString } from 'node:v8'
import { Command, Option } from 'commander'
import { usageError } from '../../errors.ts'
import {
  measureName,
  type Measure,
  type MeasureTest,
  type Quantity,
} from '../../frame/expression/expression.ts'
import { testsOf, testsRoutes, type Selection } from '../../frame/expression/selection.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { interruptible } from '../../interruption.ts'
import { exactCount } from '../../render/quantities.ts'
import { BY_REQUESTS, type Order } from '../../report/data/order.ts'
import { absenceNotes } from '../../report/document/absence.ts'
import { BY, WIRE_MEASURES, type By } from '../../report/document/lines.ts'
import { FORMATS, type Format } from '../../report/formats/formats.ts'
import type { ExportProgress } from '../../report/parquet/dataset.ts'
import type { Io } from '../io.ts'
import { rowProgress } from '../progress.ts'
import { refuseStep, stepOption, writeMetrics, type StepFlags } from '../metrics/exported.ts'
import { bomOption, checkBom } from '../values/bom.ts'
import { rememberOptions } from '../values/command-line.ts'
import { selectionOption } from '../values/expression.ts'
import { refuseStandardOutput } from '../values/file.ts'
import { checkHeatmap, heatmapFor, isPainted } from '../values/heatmap.ts'
import { addSeriesOptions } from '../values/metrics.ts'
import { wholeNumber } from '../values/number.ts'
import { offsetOption, openShifted, refuseOverlaps, refuseTwice, reportDamage } from '../values/recordings.ts'
import { repeated } from '../values/repeated.ts'
import { sortOption } from '../values/sort.ts'
import { fleetScope, rangeOptions, timeZoneOption } from '../values/time.ts'
import { legible, writePictures, writeResult } from '../write-result.ts'

interface ReportFlags extends StepFlags {
  readonly from?: string
  readonly to?: string
  readonly by?: By
  readonly where: readonly string[]
  readonly sort?: Order
  readonly top?: number
  readonly format: Format | 'openmetrics'
  readonly bom?: boolean
  readonly heatmap?: boolean
  readonly parquet?: string
  readonly ndjsonTables?: string
  readonly hourly?: boolean
  readonly offset: ReadonlyMap<string, number>
  readonly tz?: string
}

export function reportCommand(io: Io): Command {
  const command = new Command('report')
    .description(
      'summarise recordings: what was asked of which backend, how it answered, how fast, what changed',
    )
    .argument('<file...>', 'recordings; several are merged, each with its host; - is standard input')
    .option('--from <time>', 'start of the range, for example 14:02, +90s, 30% or @marker')
    .option('--to <time>', 'end of the range; +90s counts from --from')
    .addOption(new Option('--by <what>', 'one line for each of these').choices(BY))
    .option('--where <expression>', 'rows and lines to keep (repeatable)', repeated, [])
    .option('--sort <column>', 'order of the lines (default: requests)', sortOption)
    .option('--top <n>', 'lines of a list at most', wholeNumber('--top', 1, 1_000_000))
    .addOption(
      new Option('--format <format>', 'how to write it')
        .choices([...Object.keys(FORMATS), 'openmetrics'])
        .default('text'),
    )
    .option('--heatmap', 'text, md: header times over time, brightness is answers')
    .option('--step <span>', 'openmetrics: from sample to sample (default: 15s)', stepOption)
    .addOption(bomOption())
    .option('--out <file>', 'write it there instead of standard output')
    .option('--parquet <dir>', 'write a Parquet data set there instead')
    .option('--ndjson-tables <dir>', 'write the tables there as NDJSON, gzipped')
    .option('--hourly', 'a data set: the full hours that it lacks, each as files of its own')
    .option('--offset <host=shift>', "move a host's clock (repeatable)", offsetOption, new Map())
    .option(
      '--tz <zone>',
      "show times in local, UTC or a named zone (default: the recording's)",
      timeZoneOption(io),
    )
    .addHelpText('after', EXAMPLES)
  addSeriesOptions(command)
  const commandLine = rememberOptions(command)
  return command.action(async (files: string[], flags: ReportFlags) => {
    const selection = selectionOption('--where', flags.where)
    const sets = dataSetsOf(flags)
    checkHourly(flags, sets)
    checkBom(flags.bom, sets[0]?.format ?? flags.format)
    checkHeatmap(flags)
    checkStatus(selection, flags.by ?? null)
    refuseStep(flags)
    if (flags.by === 'wire') checkWire(selection, flags.sort ?? BY_REQUESTS)
    refuseTwice(files)
    for (const { option, directory } of sets) refuseStandardOutput(option, directory)
    const recordings = await openShifted(files, flags.offset)
    try {
      refuseOverlaps(recordings)
      if (sets.length === 0) await writeReport(recordings, selection, flags, commandLine(), io)
      if (sets.length > 0) tellUnused(command, io)
      for (const set of sets) await writeDataset(recordings, selection, set, flags, io)
    } finally {
      for (const recording of recordings) recording.close()
    }
  })
}

async function writeReport(
  recordings: readonly Recording[],
  selection: Selection,
  flags: ReportFlags,
  command: string,
  io: Io,
): Promise<void> {
  if (flags.format === 'openmetrics') {
    const range = rangeOptions(flags.from, flags.to, fleetScope(recordings, io, flags.tz))
    return writeMetrics(recordings, range, selection, flags, io)
  }
  const { reportOf } = await import('../../report/formats/report.ts')
  const { points, slowest, write } = FORMATS[flags.format]
  const scope = fleetScope(recordings, io, flags.tz)
  const range = rangeOptions(flags.from, flags.to, scope)
  const report = reportOf(recordings, {
    query: { range, selection, order: flags.sort ?? BY_REQUESTS, top: flags.top ?? null },
    by: flags.by ?? null,
    timeZone: scope.timeZone,
    command,
    points,
    slowest,
    ...(flags.heatmap === true && { heatmap: heatmapFor(flags, io) }),
  })
  reportDamage({ ...report.summary, ticks: report.summary.whole.ticks }, io)
  for (const note of absenceNotes(report.summary)) io.stderr.line(`upstreamtop: ${note}`)
  const written = legible(await write(report), flags.format, flags.out, io)
  if (isPainted(flags, io)) await writePictures(written, 'text', io)
  else await writeResult(written, flags.out, io, flags.bom)
}

interface DataSet {
  readonly option: string
  readonly directory: string
  readonly format: 'Parquet' | 'NDJSON'
}

function dataSetsOf({ parquet, ndjsonTables }: ReportFlags): DataSet[] {
  return [
    ...(parquet === undefined
      ? []
      : [{ option: '--parquet', directory: parquet, format: 'Parquet' as const }]),
    ...(ndjsonTables === undefined
      ? []
      : [{ option: '--ndjson-tables', directory: ndjsonTables, format: 'NDJSON' as const }]),
  ]
}

function checkHourly({ hourly, from, to }: ReportFlags, sets: readonly DataSet[]): void {
  if (hourly !== true) return
  if (sets.length === 0)
    throw usageError('--hourly is for a data set', 'Add --parquet DIR or --ndjson-tables DIR.')
  if (from !== undefined || to !== undefined)
    throw usageError('--hourly takes all full hours of the recording', 'Leave --from and --to, or --hourly.')
}

const OF_REPORTS = ['by', 'sort', 'top', 'format', 'heatmap', 'out'] as const

/** A script that waits for the report must learn that there is none. */
function tellUnused(command: Command, io: Io): void {
  const given = OF_REPORTS.filter((name) => command.getOptionValueSource(name) === 'cli')
  if (given.length === 0) return
  const names = given.map((name) => `--${name}`).join(', ')
  io.stderr.line(
    `upstreamtop: ${names}: not used: a data set has all rows and columns, and no report is written beside it`,
  )
}

async function writeDataset(
  recordings: readonly Recording[],
  selection: Selection,
  { directory, format }: DataSet,
  flags: ReportFlags,
  io: Io,
): Promise<void> {
  if (selection.lines !== null) {
    throw usageError(
      '--where: measures select lines of a report, not rows of a data set',
      'Leave backend, upstream, namespace, method and route.',
    )
  }
  // Rows are short-lived, so a small heap is enough. A larger young generation costs 60 MB, a larger old generation 40 MB; each saves
  // 5 % of the time.
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=120')
  const { exportDataset } = await import('../../report/parquet/dataset.ts')
  const { TABLE_FORMATS } = await import('../../report/parquet/hour-parts.ts')
  const { threadsFor } = await import('../exporting/threads.ts')
  const { exportHours } = await import('../../report/parquet/hourly.ts')
  const progress = rowProgress(io, 'rows')
  const { files, rows, hours } = await interruptible(io.signal, async (signal) => {
    const options = {
      directory,
      format: TABLE_FORMATS[format],
      selection,
      signal,
      writeHours: threadsFor(),
      onProgress: ({ ticks, ofTicks, rows: written }: ExportProgress) =>
        progress.report(ticks, ofTicks, written),
    }
    if (flags.hourly === true) return exportHours(recordings, options, wallMicros(io.now() * 1000))
    const range = rangeOptions(flags.from, flags.to, fleetScope(recordings, io, flags.tz))
    return { hours: null, ...(await exportDataset(recordings, { ...options, range })) }
  })
  progress.done()
  for (const { info, damage } of recordings)
    for (const what of damage) io.stderr.line(`upstreamtop: ${info.file}: ${what}`)
  const counts = Object.entries(rows).map(([table, count]) => `${table} ${exactCount(count)}`)
  const added = hours === null ? '' : `${exactCount(hours)} ${hours === 1 ? 'hour' : 'hours'} added, `
  io.stderr.line(`${added}${files.length} files in ${directory}: ${counts.join(', ')}`)
}

/** Status codes are counted per route, without times: there is no distribution per status. */
function checkStatus({ codes, lines }: Selection, by: By | null): void {
  if (codes !== null && by !== 'status') {
    throw usageError(
      '--where: "status" selects lines only with --by status',
      "Or list single requests: upstreamtop requests FILE --where 'status >= 500'.",
    )
  }
  const timed =
    lines !== null &&
    testsOf(lines).some((test) => test.kind === 'measure' && test.measure.kind === 'latency')
  if (by === 'status' && timed) {
    throw usageError(
      '--where: times are not kept by status',
      "List single requests: upstreamtop requests FILE --where 'status >= 500'.",
    )
  }
}

/** Of what packets carry only a few counts are kept, and none by route. */
function checkWire({ rows, lines }: Selection, order: Order): void {
  if (rows !== null && testsRoutes(rows))
    throw usageError(
      '--where: requests are not kept by route and wire address',
      'Select by backend, or leave --by wire.',
    )
  const remedy = `Of a wire address these are: ${WIRE_MEASURES.join(', ')}; or use --by backend.`
  if (order.by === 'measure' && !isOfWires(order.measure))
    throw usageError(`--sort: "${measureName(order.measure)}" is not kept by wire address`, remedy)
  const tests = lines === null ? [] : testsOf(lines).filter((test) => test.kind === 'measure')
  const wrong = tests.find(
    ({ target, measure, quantity }) =>
      target === null && (!isOfWires(measure) || isShareOfAttempts(measure, quantity)),
  )
  if (wrong !== undefined)
    throw usageError(`--where: "${shareName(wrong)}" is not kept by wire address`, remedy)
}

const isOfWires = (measure: Measure): boolean => WIRE_MEASURES.includes(measureName(measure))

/** Attempts are not known: which failures were of connects. */
const isShareOfAttempts = (measure: Measure, { unit }: Quantity): boolean =>
  measureName(measure) === 'failures' && (unit === 'percent' || unit === 'points')

const shareName = ({ measure, quantity }: MeasureTest): string =>
  isShareOfAttempts(measure, quantity) ? 'failures in %' : measureName(measure)

const EXAMPLES = `
Examples:
  upstreamtop report incident.db                                    everything, for the terminal
  upstreamtop report incident.db --from 14:02 --to +5m --format md  five minutes, for the postmortem
  upstreamtop report incident.db --by route --where "p99 > 200ms"   the slow routes
  upstreamtop report incident.db --where "upstream = 'api'"         one upstream block
  upstreamtop report incident.db --by namespace                     each container or network namespace (record --attach cgroup)
  upstreamtop report incident.db --heatmap --where "route = '/checkout'"
                                                                    its header times over time, as a picture
  upstreamtop report incident.db --by status --format csv           answers by status code
  upstreamtop report incident.db --by wire                          behind NAT on this host: each pod of a ClusterIP
  upstreamtop report web1.db web2.db --offset web2=-49s             two hosts as one, a clock set right
  upstreamtop report incident.db --format html --out incident.html  one page to send around
  upstreamtop report incident.db --format openmetrics --step 15s    samples with timestamps, for promtool tsdb create-blocks-from
  upstreamtop report incident.db --parquet lake/                    a data set for DuckDB and friends
  upstreamtop report incident.db --ndjson-tables lake/              the same tables, for engines that read no Parquet
  upstreamtop report live.db --parquet lake/ --hourly               each hour: what has become a full hour since

Expressions: backend, upstream, namespace, method, route with = != ~ !~; requests rps 5xx 4xx failures grpc_errors in_flight
sent_bytes received_bytes avg p50 p90 p95 p99 p999 max total.… connect.… with < <= > >= and ms s us % /s; and, or, not, ( ).
p99(/checkout) narrows one measure.
`
