/** A report as Markdown, to be pasted into a postmortem. Names from the traffic cannot become markup. */
import { chart } from '../../render/chart.ts'
import { visible } from '../../render/text.ts'
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
      return `## upstreamtop: ${escaped(section.text)}`
    case 'lines':
      return [...heading(section.title), ...section.lines.map((line) => `- ${escaped(line)}`)].join('\n')
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
    case 'code':
      return [...heading(section.title), fenced([visible(section.text)])].join('\n')
  }
}

const heading = (title: string | null): string[] => (title === null ? [] : [`### ${title}`, ''])
const noteLines = (note: string | null): string[] => (note === null ? [] : ['', note])

function tableOf({ columns, rows }: Extract<Section, { kind: 'table' }>): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    row(columns.map(({ title }) => title)),
    row(columns.map(({ align }) => (align === 'right' ? '--:' : '---'))),
    ...rows.map((cells) =>
      row(cells.map((cell, i) => (columns[i]!.untrusted ? untrustedText(cell) : escaped(cell)))),
    ),
  ]
}

/** As code where that is safe: in a table, a backslash or a bar would end the code. */
function untrustedText(text: string): string {
  const shown = visible(text)
  return shown !== '' && /^[^`|\\]+$/.test(shown) && shown.trim() === shown ? `\`${shown}\`` : escaped(shown)
}

/** Characters that start markup, links, mentions or HTML become entities. */
const escaped = (text: string): string =>
  visible(text).replace(/[\\`*_[\]<>&|#~@$!]|:(?=\/\/)|(?<=w)w(?=w\.)/g, (sign) => `&#${sign.charCodeAt(0)};`)

function fenced(lines: readonly string[]): string {
  const longest = Math.max(
    2,
    ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((ticks) => ticks.length)),
  )
  const fence = '`'.repeat(longest + 1)
  return [`${fence}text`, ...lines, fence].join('\n')
}
