/** The state in the address. What is looked at is a step of the browser's history, where the cursor stands is not. */
import { addressOf, stateOf, type PageState } from '../../state/address.ts'

/** Browsers refuse more than some writes per second, and say so in the console. */
const PAUSE = 400

export class AddressBar {
  #timer = 0

  constructor(onChange: (state: PageState) => void) {
    addEventListener('popstate', () => onChange(this.read()))
    addEventListener('hashchange', () => onChange(this.read()))
  }

  read(): PageState {
    return stateOf(location.hash)
  }

  write(state: PageState, isStep: boolean): void {
    clearTimeout(this.#timer)
    const put = (): void => {
      const address = addressOf(state)
      if (address === location.hash) return
      const url = address === '' ? location.pathname + location.search : address
      try {
        if (isStep) history.pushState(null, '', url)
        else history.replaceState(null, '', url)
      } catch {
        // A sandboxed frame may not change its address. All but the link works.
      }
    }
    if (isStep) put()
    else this.#timer = window.setTimeout(put, PAUSE)
  }
}
