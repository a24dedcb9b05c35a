/** The script of the page and of `view`. Text from the traffic enters the page only as text. */
import type { EmbeddedData } from '../../picture/facts.ts'
import { embeddedSource } from '../source/embedded.ts'
import { start } from './start.ts'
import { makeSortable } from './sortable.ts'

for (const table of document.querySelectorAll<HTMLTableElement>('table.sortable')) makeSortable(table)

const data = document.getElementById('data')?.textContent
// A server's policy may allow the script and forbid the style: without it drawings and controls do not work.
const hasStyle = getComputedStyle(document.documentElement).getPropertyValue('--ink').trim() !== ''
if (hasStyle && data !== undefined) void start(embeddedSource(JSON.parse(data) as EmbeddedData))
