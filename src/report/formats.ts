/** The formats of `report`, each in a file of its own, loaded when it is asked for. */
import { jsonText } from '../render/text.ts'
import type { Report } from './report.ts'

export const FORMATS = ['text', 'md', 'json', 'ndjson', 'csv', 'html'] as const
export type Format = (typeof FORMATS)[number]

/** Points of the timeline that a format can show. */
export const POINTS = { text: 88, md: 80, json: 2, ndjson: 2, csv: 2, html: 900 } as const satisfies Record<
  Format,
  number
>

export async function formatted(report: Report, format: Format): Promise<Iterable<string>> {
  switch (format) {
    case 'text':
      return [(await import('./text.ts')).textOf(report)]
    case 'md':
      return [(await import('./markdown.ts')).markdownOf(report)]
    case 'json':
      return [`${jsonText(report.document)}\n`]
    case 'ndjson':
      return (await import('./csv.ts')).ndjsonRows(report.lines(report.by ?? 'backend'))
    case 'csv': {
      const by = report.by ?? 'backend'
      return (await import('./csv.ts')).csvRows(report.lines(by), by)
    }
    case 'html':
      return [(await import('./html.ts')).htmlOf(report, report.page())]
  }
}
