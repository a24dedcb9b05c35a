/** Metrics of a running capture: a receiver of its frames, and the port where they are read. */
import type { Thinner } from '../../record/thinner.ts'
import { Totals } from '../../metrics/totals.ts'
import { serveMetrics, type MetricsServer } from '../../metrics/server.ts'
import { version } from '../../version.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { CaptureJob, CaptureMeta, Watcher } from '../capture.ts'
import type { Io } from '../io.ts'
import { refuseSeriesOptions, seriesLimits, type MetricsFlags } from '../values/metrics.ts'

export interface CaptureMetrics {
  /** opens the port; resolves to what closes it. @throws UserError (exit 4) when that cannot be */
  readonly open: CaptureJob['prepare']
  readonly watchers: (meta: CaptureMeta) => readonly Watcher[]
}

interface Around {
  /** an address that the user has named is not said again */
  readonly isQuiet?: boolean
  readonly thinner?: Thinner | null
}

/** @throws UserError */
export function metricsOf(
  io: Io,
  flags: MetricsFlags,
  { isQuiet = false, thinner = null }: Around = {},
): CaptureMetrics {
  const option = flags.metrics
  if (option === undefined) {
    refuseSeriesOptions(flags, '--metrics 127.0.0.1:9465')
    return { open: undefined, watchers: () => [] }
  }
  let server: MetricsServer | null = null
  return {
    open: async () => (server = await serveMetrics(option, option.text)).close,
    watchers: ({ kernel }) => {
      const totals = new Totals({ version, kernel }, seriesLimits(flags))
      server?.show(totals)
      if (!isQuiet || option.port === 0) io.stderr.line(`metrics at ${server?.url ?? ''}`)
      const frame = (tick: SecondFrame): void => {
        totals.thinned = thinner?.thinned ?? null
        totals.add(tick)
      }
      const ignore = (): void => undefined
      return [{ frame, marker: ignore, closed: null, end: ignore }]
    },
  }
}
