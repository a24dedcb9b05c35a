/** The options of all commands that give metrics, declared and checked once. */
import { isIP } from 'node:net'
import type { Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { CaptureOptions } from '../../record/helper.ts'
import type { SeriesLimits } from '../../metrics/series.ts'
import type { Listen } from '../../metrics/server.ts'
import { wholeNumber } from './number.ts'

export interface SeriesFlags {
  readonly metricsRoutes?: boolean
  readonly metricsSeries?: number
}

export interface MetricsFlags extends SeriesFlags {
  readonly metrics?: MetricsOption
}

export interface MetricsOption extends Listen {
  /** as it was written */
  readonly text: string
}

export const addMetricsOptions = (command: Command): Command =>
  addSeriesOptions(
    command.option(
      '--metrics <host:port>',
      'counts for Prometheus at http://HOST:PORT/metrics (a port alone: on 127.0.0.1)',
      listenOption,
    ),
  )

export const addSeriesOptions = (command: Command): Command =>
  command
    .option('--metrics-routes', 'metrics by route, too: method and path template as labels')
    .option(
      '--metrics-series <n>',
      'label sets of the metrics at most; the others are OTHER (default: 2000)',
      wholeNumber('--metrics-series', 1, 100_000),
    )

export const seriesLimits = ({ metricsRoutes = false, metricsSeries = 2000 }: SeriesFlags): SeriesLimits => ({
  byRoute: metricsRoutes,
  most: metricsSeries,
})

/** @param needed the option without which these say nothing @throws UserError */
export function refuseSeriesOptions({ metricsRoutes, metricsSeries }: SeriesFlags, needed: string): void {
  const [option] = [
    ...(metricsRoutes === undefined ? [] : ['--metrics-routes']),
    ...(metricsSeries === undefined ? [] : [`--metrics-series "${metricsSeries}"`]),
  ]
  if (option !== undefined) throw usageError(`${option} is of metrics, and there are none`, `Add ${needed}.`)
}

/** Whoever scrapes on this host is no client of a backend: its requests to our own port are counted as ignored. */
export function withoutScrapes(capture: CaptureOptions, { metrics }: MetricsFlags): CaptureOptions {
  if (metrics === undefined || metrics.port === 0 || isIP(metrics.host) === 0) return capture
  // Of any address: a backend may listen on that port of another one.
  if (metrics.host === '0.0.0.0' || metrics.host === '::') return capture
  const own = `${isIP(metrics.host) === 6 ? `[${metrics.host}]` : metrics.host}:${metrics.port}`
  return { ...capture, ignore: capture.ignore === null ? own : `${capture.ignore},${own}` }
}

/** `127.0.0.1:9465`, `[::1]:9465`, `web1:9465`, `:9465`, `9465` */
export function listenOption(text: string): MetricsOption {
  const [, brackets, name, port = ''] = /^(?:\[([^\]]*)\]:|([^:[\]]*):)?(\d{1,5})$/.exec(text) ?? []
  const host = brackets ?? (name === undefined || name === '' ? '127.0.0.1' : name)
  const isHost = brackets === undefined ? isHostName(host) : isIP(host) === 6
  if (port !== '' && Number(port) <= 65_535 && isHost) return { host, port: Number(port), text }
  throw usageError(
    `--metrics "${text}" is no HOST:PORT`,
    'For example --metrics 127.0.0.1:9465, or --metrics [::1]:9465.',
  )
}

/** What looks like an IPv4 address is one. */
const isHostName = (text: string): boolean =>
  /^[\d.]+$/.test(text)
    ? isIP(text) === 4
    : text.length <= 253 && /^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*\.?$/i.test(text)
