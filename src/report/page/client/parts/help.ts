/** The keys, in a dialog of the browser's own: it keeps the focus, and Escape closes it. */
import { PAGE_HELP } from '../../state/keys.ts'
import { button, element } from '../browser/dom.ts'

export class Help {
  readonly #dialog = element('dialog', 'help')

  constructor() {
    const rows = PAGE_HELP.flatMap(([keys, does]) => [element('dt', '', keys), element('dd', '', does)])
    const title = element('h2', '', 'Keys')
    title.id = 'keys'
    this.#dialog.setAttribute('aria-labelledby', 'keys')
    this.#dialog.append(
      title,
      element('dl', '', ...rows),
      button('Close', null, () => this.#dialog.close()),
    )
    document.body.append(this.#dialog)
  }

  show(): void {
    this.#dialog.showModal()
  }
}
