/**
 * Recordings as OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`. The format wants one series after the
 * other, each over all of time: so the range is read once, step by step, into a spool, and written from there.
 */
import type { Recording, RecordingInfo } from '../frame/model/recording.ts'
import { FAMILIES, type Build, type Emit, type Family } from './families.ts'
import { HostSteps, type ExportRequest, type Step } from './host-steps.ts'
import { label } from './labels.ts'
import { headOf, sampleLine } from './page.ts'
import { Spool } from './spool.ts'

export interface MetricsExport {
  /** how many were read */
  readonly ticks: number
  readonly text: () => Iterable<string>
  readonly close: () => void
}

/** Several recordings of a host are one, in the order of time; several hosts have a label `host`. @throws UserError (exit 4) */
export function exportMetrics(recordings: readonly Recording[], request: ExportRequest): MetricsExport {
  const spool = new Spool()
  try {
    const names = [...new Set(recordings.map(({ info }) => info.host))]
    const hosts = names.map((name) => {
      const own = recordings
        .filter(({ info }) => info.host === name)
        .sort((a, b) => a.info.start - b.info.start)
      const labels = names.length > 1 ? label('host', name) : ''
      const host = new HostSteps(spool, labels, buildOf(own.at(-1)!.info), request)
      for (const recording of own) host.read(recording)
      host.end()
      return host
    })
    return {
      ticks: hosts.reduce((sum, { ticks }) => sum + ticks, 0),
      text: () => textOf(hosts),
      close: () => spool.close(),
    }
  } catch (error) {
    spool.close()
    throw error
  }
}

/** Of `upstreamtop 0.2.0`. */
const buildOf = ({ tool, kernel }: RecordingInfo): Build => ({
  version: tool.split(' ').at(-1) ?? '',
  kernel,
})

function* textOf(hosts: readonly HostSteps[]): Iterable<string> {
  for (const family of FAMILIES) {
    yield headOf(family, 'openmetrics')
    for (const host of hosts) {
      if (family.of === 'host') yield* groupsOf(family, host.labels, () => host.steps(family))
      else {
        for (const series of host.series.filter(family.has)) {
          const labels = [host.labels, series.labels].filter((text) => text !== '').join(',')
          yield* groupsOf(family, labels, () => host.seriesSteps(family, series))
        }
      }
    }
  }
  yield '# EOF\n'
}

/** All of one set of labels, then all of the next. A histogram is one: its bounds are told at every step. */
function* groupsOf({ name, type }: Family, labels: string, steps: () => Iterable<Step>): Iterable<string> {
  const groups: string[] = []
  let wanted = 0
  do {
    for (const { stamp, samples } of steps()) {
      let text = ''
      const emit: Emit = (suffix, more, value) => {
        const group = type === 'histogram' ? '' : more
        let at = groups.indexOf(group)
        if (at < 0) at = groups.push(group) - 1
        if (at === wanted) text += sampleLine(name + suffix, labels, more, value, stamp)
      }
      samples(emit)
      if (text !== '') yield text
    }
  } while (++wanted < groups.length)
}
