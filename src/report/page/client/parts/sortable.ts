/** The tables of the report, sorted by a click on a head. They are text: the script only moves their rows. */
import { compareCells } from '../../state/cells.ts'
import { button } from '../browser/dom.ts'

export function makeSortable(table: HTMLTableElement): void {
  const [heads, body] = [[...(table.tHead?.rows[0]?.cells ?? [])], table.tBodies[0]]
  if (body === undefined) return
  heads.forEach((head, column) => {
    const sort = (): void => {
      const isDescending = head.getAttribute('aria-sort') !== 'descending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', isDescending ? 'descending' : 'ascending')
      const text = (row: HTMLTableRowElement): string => row.cells[column]?.textContent.trim() ?? ''
      const sign = isDescending ? -1 : 1
      body.append(...[...body.rows].sort((a, b) => sign * compareCells(text(a), text(b))))
    }
    // A head without a title has nothing to sort by, such as that of the sparklines.
    if (head.textContent.trim() !== '') head.replaceChildren(button(head.textContent, null, sort))
  })
}
