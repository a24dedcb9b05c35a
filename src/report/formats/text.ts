/** A report as plain text. Charts are 100 columns wide. Without colour, so that the bytes are the same everywhere; but for a heatmap on a terminal. */
import { chart } from '../../render/chart.ts'
import { table } from '../../render/table.ts'
import { visible } from '../../render/text.ts'
import type { Report } from './report.ts'
import type { Section } from './section.ts'
import { sectionsOf } from './sections.ts'

const WIDTH = 100
const HEIGHT = 8
const AXIS = 10

export const textOf = (report: Report): string => `${sectionsOf(report).map(sectionText).join('\n\n')}\n`

export function sectionText(section: Section): string {
  switch (section.kind) {
    case 'title':
      return `upstreamtop · ${visible(section.text)}`
    case 'lines':
      return [...titled(section.title), ...section.lines.map((line) => `  ${visible(line)}`)].join('\n')
    case 'table': {
      const columns = section.columns.map(({ title, align }) => ({ title, align }))
      const body = section.rows.length === 0 ? ['none'] : table(columns, section.rows).split('\n')
      return [section.title, ...indented([...body, ...(section.note === null ? [] : [section.note])])].join(
        '\n',
      )
    }
    case 'chart': {
      const lines = chart(section.values, { width: WIDTH - 2, height: HEIGHT, format: section.format })
      return [section.title, ...indented([...lines, timeAxis(section)])].join('\n')
    }
    case 'heatmap':
      return [section.title, ...indented(section.lines)].join('\n')
    case 'code':
      return `${section.title}\n  ${visible(section.text)}`
  }
}

const titled = (title: string | null): string[] => (title === null ? [] : [title])
const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`.trimEnd())

/** asciichart draws no time axis. */
function timeAxis({ values, from, to }: Extract<Section, { kind: 'chart' }>): string {
  const columns = Math.min(values.length, WIDTH - 2 - AXIS)
  const gap = columns - from.length - to.length
  return `${' '.repeat(AXIS - 1)}${gap < 1 ? from : `${from}${' '.repeat(gap)}${to}`}`
}
