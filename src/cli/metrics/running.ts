/** Metrics of a running capture: a receiver of its frames, and the port where they are read. */
import type { Thinner } from '../../record/thinner.ts'
import { Totals } from '../../metrics/totals.ts'
import { version } from '../../version.ts'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { CaptureJob, CaptureMeta, Watcher } from '../capture.ts'
import type { Io } from '../io.ts'
import { MetricsPort, type Say } from './port.ts'
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
  /** absent: a port that cannot be had ends the command */
  readonly sayTaken?: Say | undefined
}

/** @throws UserError */
export function metricsOf(
  io: Io,
  flags: MetricsFlags,
  { isQuiet = false, thinner = null, sayTaken }: Around = {},
): CaptureMetrics {
  const option = flags.metrics
  if (option === undefined) {
    refuseSeriesOptions(flags, '--metrics 127.0.0.1:9465')
    return { open: undefined, watchers: () => [] }
  }
  const port = new MetricsPort(option, sayTaken ?? null)
  return {
    open: async () => {
      await port.open()
      return () => port.close()
    },
    watchers: ({ kernel }) => {
      const totals = new Totals({ version, kernel }, seriesLimits(flags))
      port.show(totals)
      if (port.url !== null && (!isQuiet || option.port === 0)) io.stderr.line(`metrics at ${port.url}`)
      const frame = (tick: SecondFrame): void => {
        totals.thinned = thinner?.thinned ?? null
        totals.add(tick)
        port.tick()
      }
      const ignore = (): void => undefined
      return [{ frame, marker: ignore, closed: null, end: ignore }]
    },
  }
}
