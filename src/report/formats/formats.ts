/** The formats of `report`: one line per format. The file of a format is loaded only if the format is requested. */
import { jsonText } from '../../render/text.ts'
import type { Report, ReportRequest } from './report.ts'

/** What a format shows, so that nothing else is computed, and how it is written. */
interface ReportFormat extends Pick<ReportRequest, 'points' | 'slowest'> {
  readonly write: (report: Report) => Iterable<string> | Promise<Iterable<string>>
}

export const FORMATS = {
  text: { points: 88, slowest: true, write: async (of) => [(await import('./text.ts')).textOf(of)] },
  md: { points: 80, slowest: true, write: async (of) => [(await import('./markdown.ts')).markdownOf(of)] },
  json: { points: 2, slowest: false, write: (of) => [`${jsonText(of.document)}\n`] },
  ndjson: { points: 2, slowest: false, write: async (of) => (await import('./csv.ts')).ndjsonOf(of) },
  csv: { points: 2, slowest: false, write: async (of) => (await import('./csv.ts')).csvOf(of) },
  html: { points: 900, slowest: true, write: async (of) => [(await import('./html.ts')).htmlOf(of)] },
} as const satisfies Readonly<Record<string, ReportFormat>>

export type Format = keyof typeof FORMATS
