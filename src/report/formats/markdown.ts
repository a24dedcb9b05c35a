/**
 * A report as Markdown, to be pasted into a postmortem or a chat. Names from the traffic cannot become markup. Chat tools decode no
 * entities and draw no tables: what would be markup is a code span, and the columns of a table are aligned.
 */
import { chart } from '../../render/chart.ts'
import { cellWidth, visible } from '../../render/text.ts'
import type { Report } from './report.ts'
import type { Section } from './section.ts'
import { sectionsOf } from './sections.ts'

const WIDTH = 90
const HEIGHT = 6

export const markdownOf = (report: Report): string =>
  `${sectionsOf(report).map(sectionMarkdown).join('\n\n')}\n`

export function sectionMarkdown(section: Section): string {
  switch (section.kind) {
    case 'title':
      return `## upstreamtop: ${inline(section.text)}`
    case 'lines':
      return [...heading(section.title), ...section.lines.map((line) => `- ${inline(line)}`)].join('\n')
    case 'table':
      return [
        ...heading(section.title),
        ...(section.rows.length === 0 ? ['none'] : tableOf(section)),
        ...noteLines(section.note),
      ].join('\n')
    case 'chart': {
      const lines = chart(section.values, { width: WIDTH, height: HEIGHT, format: section.format })
      return [...heading(section.title), fenced([...lines, `${section.from} to ${section.to}`])].join('\n')
    }
    case 'heatmap':
      return [...heading('Heatmap'), fenced([section.title, ...section.lines])].join('\n')
    case 'code':
      return [...heading(section.title), fenced([visible(section.text)])].join('\n')
  }
}

const heading = (title: string | null): string[] => (title === null ? [] : [`### ${title}`, ''])
const noteLines = (note: string | null): string[] => (note === null ? [] : ['', note])

function tableOf({ columns, rows }: Extract<Section, { kind: 'table' }>): string[] {
  const texts = rows.map((cells) =>
    cells.map((cell, i) => (columns[i]!.untrusted ? untrustedCell(cell) : escaped(cell))),
  )
  const widths = columns.map(({ title }, i) =>
    texts.reduce((width, cells) => Math.max(width, cellWidth(cells[i]!)), Math.max(3, cellWidth(title))),
  )
  const row = (cells: readonly string[]): string => `| ${cells.map(padded).join(' | ')} |`
  const padded = (cell: string, i: number): string => {
    const blanks = ' '.repeat(widths[i]! - cellWidth(cell))
    return columns[i]!.align === 'right' ? blanks + cell : cell + blanks
  }
  return [
    row(columns.map(({ title }) => title)),
    row(columns.map(({ align }, i) => '-'.repeat(widths[i]! - 1) + (align === 'right' ? ':' : '-'))),
    ...texts.map(row),
  ]
}

/** As code where that is safe: in a table, a bar would end the code, and readers differ on a backslash before its end. */
function untrustedCell(text: string): string {
  const shown = visible(text)
  return shown !== '' && /^[^`|]*[^`|\\]$/.test(shown) && shown.trim() === shown
    ? codeSpan(shown)
    : escaped(shown)
}

const inline = (text: string): string => (escaped(text) === text ? text : codeSpan(visible(text)))

function codeSpan(text: string): string {
  const fence = '`'.repeat(longestRun(text) + 1)
  return text.startsWith('`') || text.endsWith('`') ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`
}

/** Characters that start markup, links, mentions, emoji or HTML become entities. Within a word, an underscore is harmless. */
const escaped = (text: string): string => visible(text).replace(MARKUP, (sign) => `&#${sign.charCodeAt(0)};`)

const MARKUP =
  /[\\`*[\]<>&|#~@$!]|(?<![a-z0-9])_|_(?![a-z0-9])|:(?=\/\/|[\w+-]*[a-z][\w+-]*:)|(?<=w)w(?=w\.)/gi

/** Without a language: Slack would show it as a line. */
function fenced(lines: readonly string[]): string {
  const fence = '`'.repeat(Math.max(3, ...lines.map((line) => longestRun(line) + 1)))
  return [fence, ...lines, fence].join('\n')
}

const longestRun = (text: string): number =>
  Math.max(0, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length))
