/** The tables of the page: numbers at the right, zero quiet, bars in cells, and the lane of a line beside its name. */
import type { Subject } from '../../frame/views/drilldown.ts'
import type { Picture, PictureLine } from '../picture/picture.ts'
import { visible } from '../../render/text.ts'
import { LOUD } from '../page/draw/lanes.ts'
import { text } from '../page/markup.ts'
import { barSvg, sparkSvg } from '../page/still-lanes.ts'
import type { Column, DrawnRow, Section } from './section.ts'

export type TableSection = Extract<Section, { kind: 'table' }>

/** @param picture of few steps, for the lanes in cells; null: there are none */
export function tableHtml(section: TableSection, picture: Picture | null): string {
  const { title, columns, rows, note } = section
  const body =
    rows.length === 0
      ? '<p class="zero">none</p>'
      : `<div class="scroll" tabindex="0" role="region" aria-label="${text(title)}"><table class="sortable" cellpadding="4">${headOf(section, picture)}<tbody>${rowsOf(section, picture).join('\n')}</tbody></table></div>`
  return `<section class="${columns.length > 6 ? 'wide' : 'narrow'}"><h2>${text(title)}</h2>${body}${note === null ? '' : `<p class="note">${text(note)}</p>`}</section>`
}

const hasLanes = ({ drawn = [] }: TableSection, picture: Picture | null): boolean =>
  picture !== null && drawn.some(({ subject }) => subject !== null)

function headOf(section: TableSection, picture: Picture | null): string {
  const cells = section.columns.map(
    (column) => `<th scope="col" align="${column.align}">${text(column.title)}</th>`,
  )
  if (hasLanes(section, picture))
    cells.splice(nameColumns(section), 0, '<th scope="col" align="left">TRAFFIC</th>')
  return `<thead><tr>${cells.join('')}</tr></thead>`
}

/** Columns that say whose line it is. */
const nameColumns = ({ columns }: TableSection): number =>
  Math.max(
    1,
    columns.findIndex(({ align }) => align === 'right'),
  )

function rowsOf(section: TableSection, picture: Picture | null): string[] {
  const { columns, rows, drawn = [] } = section
  const most = columns.map((_, i) => Math.max(0, ...drawn.map(({ bars }) => bars[i] ?? 0)))
  return rows.map((row, n) => {
    const cells = row.map((cell, i) =>
      cellHtml(
        cell,
        columns[i]!,
        isLoud(drawn[n], i, columns[i]!),
        barOf(drawn[n], i, most[i]!, columns[i]!),
      ),
    )
    if (hasLanes(section, picture))
      cells.splice(nameColumns(section), 0, laneCell(drawn[n]?.subject ?? null, row[0] ?? '', picture!))
    return `<tr>${cells.join('')}</tr>`
  })
}

function barOf(row: DrawnRow | undefined, column: number, most: number, of: Column): string {
  const value = row?.bars[column] ?? null
  if (value === null || value <= 0 || most <= 0) return ''
  return barSvg(value, most, isLoud(row, column, of) ? 'trouble' : '')
}

/** Trouble of which nothing tells how much it is of all is loud. */
const isLoud = (row: DrawnRow | undefined, column: number, { title }: Column): boolean =>
  /^(5XX|GRPC|FAILED)/.test(title) && (row?.shares[column] ?? LOUD) >= LOUD

function cellHtml(cell: string, column: Column, isTrouble: boolean, bar: string): string {
  const isQuiet = column.align === 'right' && /^(0|0%|–|=)$/.test(cell)
  const isBad = isTrouble && !isQuiet && column.align === 'right'
  const shown = column.untrusted ? `<code>${text(cell)}</code>` : text(cell)
  return `<td align="${column.align}"${isQuiet ? ' class="zero"' : isBad ? ' class="bad"' : ''}>${shown}${bar}</td>`
}

function laneCell(subject: Subject | null, backend: string, picture: Picture): string {
  const line = laneOf(subject, backend, picture)
  return `<td>${line === undefined ? '' : sparkSvg(line, picture)}</td>`
}

/** An address that was named otherwise before has several lines: each is that of its own row. @param backend as the row names it */
function laneOf(subject: Subject | null, backend: string, { lines }: Picture): PictureLine | undefined {
  const own = lines.filter((line) => isOf(line, subject))
  if (own.length < 2) return own[0]
  return own.find((line) => {
    const parent = lines.slice(0, lines.indexOf(line) + 1).findLast((each) => each.subject?.route === null)
    return parent?.label === visible(backend)
  })
}

const isOf = ({ subject }: PictureLine, wanted: Subject | null): boolean =>
  subject !== null && wanted !== null && subject.backend === wanted.backend && subject.route === wanted.route
