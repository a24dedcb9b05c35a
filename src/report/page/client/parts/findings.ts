/** The findings: a click on one moves everything to it. In the page they are there already, `view` sends them. */
import type { PageFinding } from '../../../picture/facts.ts'
import { clockRange, type Clock } from '../../state/readout.ts'
import { button, element } from '../browser/dom.ts'

export function linkFindings(
  host: HTMLElement,
  findings: readonly PageFinding[],
  go: (finding: PageFinding) => void,
): void {
  for (const item of host.querySelectorAll<HTMLElement>('li[data-finding]')) {
    const finding = findings[Number(item.dataset.finding)]
    if (finding === undefined || item.querySelector('button') !== null) continue
    const made = button('', null, () => go(finding), 'finding')
    made.append(...item.childNodes)
    item.append(made)
  }
}

/** Those that a server found, in place of those before. */
export function listFindings(host: HTMLElement, findings: readonly PageFinding[], clock: Clock): void {
  host.querySelectorAll('ol, #finding').forEach((old) => old.remove())
  const items = findings.map((finding, i) => {
    const when = element('time', '', clockRange(finding, clock))
    const item = element(
      'li',
      finding.kind === 'gap' ? 'gap' : 'bad',
      when,
      ' ',
      element('span', '', finding.what),
    )
    item.dataset.finding = String(i)
    return item
  })
  host.append(
    items.length > 0
      ? element('ol', '', ...items)
      : element('p', 'zero', 'none: nothing changed enough to stand out'),
  )
}
