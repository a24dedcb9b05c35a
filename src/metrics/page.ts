/** The text of a scrape, in either of the two formats that scrapers ask for. */
import { FAMILIES, type Emit, type Family } from './families.ts'
import type { Totals } from './totals.ts'

export type PageFormat = 'openmetrics' | 'prometheus'

export const CONTENT_TYPES: Readonly<Record<PageFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
}

/** In parts: one per family and set of labels. */
export function* pageOf(totals: Totals, format: PageFormat): Iterable<string> {
  for (const family of FAMILIES) {
    yield headOf(family, format)
    if (family.of === 'host') {
      yield samplesOf(family, '', (emit) => family.samples(totals, emit))
      continue
    }
    for (const series of totals.series) {
      if (family.has(series))
        yield samplesOf(family, series.labels, (emit) => family.samples(series, emit, totals))
    }
  }
  if (format === 'openmetrics') yield '# EOF\n'
}

/** Some characters at a time: a text of 60 MB would be in memory twice, as a string, too. */
export function pageBytes(totals: Totals, format: PageFormat): Buffer {
  const parts: Buffer[] = []
  let text = ''
  for (const part of pageOf(totals, format)) {
    text += part
    if (text.length < BATCH) continue
    parts.push(Buffer.from(text))
    text = ''
  }
  return Buffer.concat([...parts, Buffer.from(text)])
}

const BATCH = 2 ** 18

/** OpenMetrics names the family, the older format the samples. */
export function headOf({ name, type, help, unit }: Family, format: PageFormat): string {
  if (format === 'openmetrics') {
    const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${unitLine}`
  }
  const sample = type === 'counter' ? `${name}_total` : type === 'info' ? `${name}_info` : name
  return `# HELP ${sample} ${help}\n# TYPE ${sample} ${type === 'info' ? 'gauge' : type}\n`
}

function samplesOf({ name }: Family, labels: string, samples: (emit: Emit) => void): string {
  let text = ''
  samples((suffix, more, value) => (text += sampleLine(name + suffix, labels, more, value)))
  return text
}

/** @param more labels behind the others @param stamp a space and the time, or nothing */
export function sampleLine(name: string, labels: string, more: string, value: number, stamp = ''): string {
  const all = labels === '' || more === '' ? labels + more : `${labels},${more}`
  return `${name}${all === '' ? '' : `{${all}}`} ${value}${stamp}\n`
}
