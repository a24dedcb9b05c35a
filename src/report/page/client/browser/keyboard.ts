/** Keys of the whole page. What a field, a list or a dialog does with a key itself, it keeps. */
import { keyName, pageActionOf, type PageAction } from '../../state/keys.ts'

export function onKeys(act: (action: PageAction) => void): void {
  document.addEventListener('keydown', (event) => {
    const name = keyName(event)
    const action = name === null ? null : pageActionOf(name)
    if (action === null || event.defaultPrevented || isOthers(event.target, action)) return
    event.preventDefault()
    act(action)
  })
}

function isOthers(target: EventTarget | null, { kind }: PageAction): boolean {
  if (document.querySelector('dialog[open]') !== null) return true
  if (target instanceof HTMLInputElement) return target.type !== 'range'
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true
  const isPressed =
    target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement || isSummary(target)
  return isPressed && (kind === 'enter' || kind === 'play')
}

const isSummary = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.tagName === 'SUMMARY'
