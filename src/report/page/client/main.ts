/** The script of the page and of `view`. Text from the traffic enters the page only as text. */
import type { EmbeddedData } from '../../picture/facts.ts'
import { embeddedSource } from '../source/embedded.ts'
import { servedSource, type Get } from '../source/served.ts'
import type { Source } from '../source/source.ts'
import { makeSortable } from './parts/sortable.ts'
import { start } from './start.ts'

const source = sourceHere()
// A server's policy may allow the script and forbid the style: without it drawings and controls do not work.
const hasStyle = getComputedStyle(document.documentElement).getPropertyValue('--ink').trim() !== ''
if (hasStyle) {
  for (const table of document.querySelectorAll<HTMLTableElement>('table.sortable')) makeSortable(table)
  if (source !== null) void start(source)
}

/** null: a page without data, such as a report of nothing. */
function sourceHere(): Source | null {
  const { view } = document.documentElement.dataset
  if (view !== undefined) return servedSource(get)
  const data = document.getElementById('data')?.textContent
  return data === undefined ? null : embeddedSource(JSON.parse(data) as EmbeddedData)
}

function get(address: string): ReturnType<Get> {
  const failed = { isOk: false, body: null }
  return fetch(address)
    .then(async (response) => ({ isOk: response.ok, body: (await response.json()) as unknown }))
    .catch(() => failed)
}
