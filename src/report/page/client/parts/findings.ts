/** The findings: a click on one moves everything to it. In the page they are there already, `view` sends them. */
import type { PageFinding } from '../../../picture/facts.ts'
import { button, element } from '../browser/dom.ts'

export function linkFindings(
  host: HTMLElement,
  findings: readonly PageFinding[],
  go: (finding: PageFinding) => void,
): void {
  const items = [...host.querySelectorAll<HTMLElement>('li[data-finding]')]
  for (const item of items.length > 0 ? items : listOf(host, findings)) {
    const finding = findings[Number(item.dataset.finding)]
    if (finding === undefined || item.querySelector('button') !== null) continue
    const made = button('', null, () => go(finding), 'finding')
    made.append(...item.childNodes)
    item.append(made)
  }
}

function listOf(host: HTMLElement, findings: readonly PageFinding[]): readonly HTMLElement[] {
  host.querySelector('ol.scripted-list')?.remove()
  const items = findings.map(({ what }, i) => {
    const item = element('li', '', what)
    item.dataset.finding = String(i)
    return item
  })
  if (items.length > 0) host.append(element('ol', 'scripted-list', ...items))
  return items
}
