/** The chosen moment or range as a table: backends, and the routes of the one that is chosen. */
import { NOTHING, count, finePercent, latency, rate } from '../../../../render/quantities.ts'
import { visible } from '../../../../render/text.ts'
import type { Picture } from '../../../picture/picture.ts'
import { LOUD, lanePaths } from '../../draw/lanes.ts'
import { sameSubject, type Sort } from '../../state/address.ts'
import { lineOfRow } from '../../state/cut.ts'
import type { Row } from '../../state/rows.ts'
import type { Subject } from '../../../../frame/views/drilldown.ts'
import { button, drawing, element, shape } from '../browser/dom.ts'

/** More are said in a line below. */
const MAX_ROWS = 40
const SPARK_HEIGHT = 16

interface Column {
  readonly title: string
  readonly sort: Sort | null
  readonly text: (row: Row) => string
  /** 0 to 1, as a bar behind the text; null: none */
  readonly bar: (row: Row, most: Most) => number | null
  readonly isTrouble: (row: Row) => boolean
}

interface Most {
  readonly rps: number
  readonly p99: number
}

const NO = (): null => null
const NEVER = (): boolean => false
const column = (
  title: string,
  sort: Sort | null,
  text: Column['text'],
  more: Partial<Column> = {},
): Column => ({
  title,
  sort,
  text,
  bar: NO,
  isTrouble: NEVER,
  ...more,
})
const time = (value: Row['p50'], { timesUnknown }: Row): string => (timesUnknown ? '?' : latency(value))

const columnsOf = (withGrpc: boolean): readonly Column[] => [
  column('RPS', 'requests', ({ rps }) => (rps === null ? NOTHING : rate(rps)), {
    bar: ({ rps }, most) => (rps ?? 0) / Math.max(most.rps, 1e-9),
  }),
  column('SHARE', null, ({ share }) => finePercent(share)),
  column('P50', 'p50', (row) => time(row.p50, row)),
  column('P99', 'p99', (row) => time(row.p99, row), {
    bar: ({ p99 }, most) => (p99 ?? 0) / Math.max(most.p99, 1e-9),
  }),
  column('5XX %', '5xx', ({ fivexx }) => finePercent(fivexx.share), {
    bar: ({ fivexx }) => fivexx.share,
    isTrouble: ({ fivexx }) => (fivexx.share ?? 0) >= LOUD,
  }),
  ...(withGrpc
    ? [
        column('GRPC ERR %', null, ({ grpc }) => finePercent(grpc?.share ?? null), {
          bar: ({ grpc }) => grpc?.share ?? null,
          isTrouble: ({ grpc }) => (grpc?.share ?? 0) >= LOUD,
        }),
      ]
    : []),
  column('FAILED', 'failures', ({ failures }) => count(failures), {
    isTrouble: ({ failures, requests }) => failures > 0 && failures / Math.max(requests, failures) >= LOUD,
  }),
]

export interface TableChoice {
  readonly rows: readonly Row[]
  readonly picture: Picture
  readonly chosen: Subject | null
  readonly sort: Sort
  readonly withGrpc: boolean
}

export interface TableWishes {
  readonly sort: (sort: Sort) => void
  readonly open: (subject: Subject) => void
}

/** Of rows that are in their order. */
export function tableOf(choice: TableChoice, wishes: TableWishes): HTMLElement[] {
  const { rows, withGrpc } = choice
  const columns = columnsOf(withGrpc)
  const shown = rows.slice(0, MAX_ROWS)
  const most = {
    rps: Math.max(...shown.map(({ rps }) => rps ?? 0)),
    p99: Math.max(...shown.map(({ p99 }) => p99 ?? 0)),
  }
  const body = element('tbody', '', ...shown.map((row) => lineElement(row, columns, most, choice, wishes)))
  const table = element('table', 'board', headOf(columns, choice.sort, wishes), body)
  const isUnknown = shown.some(({ timesUnknown }) => timesUnknown)
  return [
    element('div', 'scroll', table),
    ...(rows.length > MAX_ROWS ? [note(`${rows.length - MAX_ROWS} more`)] : []),
    ...(isUnknown ? [note('?: the page has these latencies for single steps only; choose a moment')] : []),
  ]
}

const note = (text: string): HTMLElement => element('p', 'note', text)

function headOf(columns: readonly Column[], sort: Sort, wishes: TableWishes): HTMLElement {
  const cell = (title: string, by: Sort | null, className: string): HTMLElement => {
    const head = element('th', className)
    head.scope = 'col'
    if (by === null) head.append(title)
    else {
      if (by === sort) head.setAttribute('aria-sort', by === 'name' ? 'ascending' : 'descending')
      head.append(button(title, null, () => wishes.sort(by)))
    }
    return head
  }
  const course = cell('', null, 'course')
  course.append(element('span', 'unseen', 'course'))
  return element(
    'thead',
    '',
    element(
      'tr',
      '',
      cell('BACKEND, ROUTE', 'name', ''),
      course,
      ...columns.map((each) => cell(each.title, each.sort, 'right')),
    ),
  )
}

function lineElement(
  row: Row,
  columns: readonly Column[],
  most: Most,
  { picture, chosen }: TableChoice,
  wishes: TableWishes,
): HTMLElement {
  const open = button(visible(row.label), null, () => wishes.open(row.subject), 'open')
  const name = element('th', '', open)
  name.scope = 'row'
  const line = element('tr', row.subject.route === null ? 'backend' : 'route', name, spark(row, picture))
  if (sameSubject(chosen, row.subject)) line.classList.add('chosen')
  for (const { text, bar, isTrouble } of columns) {
    const cell = element('td', 'right', element('span', 'value', text(row)))
    const share = bar(row, most)
    if (share !== null && share > 0) {
      const strip = element('span', 'bar')
      strip.style.width = `${Math.max(2, 100 * Math.min(1, share)).toFixed(1)}%`
      cell.append(strip)
    }
    if (isTrouble(row)) cell.classList.add('trouble')
    else if (text(row) === '0' || text(row) === '0%') cell.classList.add('zero')
    line.append(cell)
  }
  return line
}

/** Its rate over all that is shown, and its trouble. */
function spark(row: Row, picture: Picture): HTMLElement {
  const cell = element('td', 'course')
  const line = lineOfRow(picture, row)
  if (line === null) return cell
  const paths = lanePaths(line, picture.seconds, SPARK_HEIGHT)
  const svg = drawing(
    picture.count,
    SPARK_HEIGHT,
    '',
    ...paths.trouble.flatMap((d, level) => shape(d, `trouble t${level}`)),
  )
  svg.classList.add('spark')
  cell.append(svg)
  return cell
}
