/** `report --format openmetrics`: a range in steps, with timestamps. */
import { usageError } from '../../errors.ts'
import { selects, type Selection } from '../../frame/expression/selection.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { micros, SECOND, type Micros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { damageOf } from '../../report/data/summary.ts'
import type { Io } from '../io.ts'
import { duration } from '../values/amount.ts'
import { refuseSeriesOptions, seriesLimits, type SeriesFlags } from '../values/metrics.ts'
import { reportDamage } from '../values/recordings.ts'
import { writeResult } from '../write-result.ts'

export interface StepFlags extends SeriesFlags {
  readonly format: string
  readonly step?: Micros
  readonly out?: string
}

const DEFAULT_STEP: Micros = micros(15 * SECOND)

/** Ticks are a second. */
export function stepOption(text: string): Micros {
  const step = duration('--step', '15s')(text)
  if (step >= SECOND) return step
  throw usageError(`--step "${text}" is less than a tick`, 'For example --step 15s.')
}

/** @throws UserError where they say nothing */
export function refuseStep(flags: StepFlags): void {
  if (flags.format === 'openmetrics') return
  if (flags.step !== undefined)
    throw usageError(
      `--step "${flags.step / SECOND}s" is of --format openmetrics`,
      'Leave it out, or add that.',
    )
  refuseSeriesOptions(flags, '--format openmetrics')
}

export async function writeMetrics(
  recordings: readonly Recording[],
  range: TimeSpan,
  selection: Selection,
  flags: StepFlags,
  io: Io,
): Promise<void> {
  if (selection.lines !== null) {
    throw usageError(
      '--where: measures select lines of a report, not series',
      'Leave backend, upstream, namespace, method and route.',
    )
  }
  const { exportMetrics } = await import('../../metrics/export.ts')
  const exported = exportMetrics(recordings, {
    range,
    step: flags.step ?? DEFAULT_STEP,
    limits: seriesLimits(flags),
    keeps: (row) => selects(selection, { route: null, outcome: null, ...row }),
  })
  try {
    const damage = damageOf(recordings, range, exported.ticks)
    reportDamage({ damage, ticks: exported.ticks, recordings: recordings.map(({ info }) => info) }, io)
    await writeResult(exported.text(), flags.out, io)
  } finally {
    exported.close()
  }
}
