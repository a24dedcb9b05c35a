/** What `view` shows, in its first lines; a page has them already. */
import type { SideFacts } from '../../source/source.ts'
import { rangeText } from '../../state/readout.ts'
import { element } from '../browser/dom.ts'

export function headline(host: HTMLElement, facts: SideFacts): void {
  const title = `${facts.host} · ${rangeText(facts, facts)} ${facts.zone}`
  const heading = host.querySelector('h1')
  if (heading !== null) heading.textContent = title
  document.title = `upstreamtop: ${title}`
  host.querySelectorAll('ul, .files').forEach((old) => old.remove())
  host.append(
    element(
      'p',
      'note files',
      `${facts.files.join(', ')}${facts.growing ? ', which is being recorded' : ''}`,
    ),
  )
  const doubts = facts.doubts.map((doubt) => element('li', '', doubt))
  if (doubts.length > 0) host.append(element('ul', 'doubts', ...doubts))
}
