/** Elements. Text enters them as text only; a drawing gets numbers only. */
const SVG = 'http://www.w3.org/2000/svg'

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = '',
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  if (className !== '') made.className = className
  made.append(...children)
  return made
}

export function button(
  text: string,
  label: string | null,
  onClick: () => void,
  className = '',
): HTMLButtonElement {
  const made = element('button', className, text)
  made.type = 'button'
  if (label !== null) made.setAttribute('aria-label', label)
  made.addEventListener('click', onClick)
  return made
}

/** A drawing of `width` × `height` units that is stretched to its place. Readers of screens hear its label; '' hides it. */
export function drawing(
  width: number,
  height: number,
  label: string,
  ...shapes: readonly SVGElement[]
): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', `0 0 ${Math.max(width, 1e-9)} ${height}`)
  svg.setAttribute('preserveAspectRatio', 'none')
  if (label === '') svg.setAttribute('aria-hidden', 'true')
  else {
    svg.setAttribute('role', 'img')
    svg.setAttribute('aria-label', label)
  }
  svg.append(...shapes)
  return svg
}

/** Nothing for an empty path. */
export function shape(d: string, className: string): SVGPathElement[] {
  if (d === '') return []
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', d)
  path.setAttribute('class', className)
  return [path]
}

/** Shapes whose units are `factor` of the drawing's wide. */
export function stretched(factor: number, ...shapes: readonly SVGElement[]): SVGElement {
  const group = document.createElementNS(SVG, 'g')
  group.setAttribute('transform', `scale(${factor} 1)`)
  group.append(...shapes)
  return group
}

/** @throws Error if the page lacks it, which is a bug */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}

export const percentOf = (part: number, whole: number): string =>
  `${((100 * part) / Math.max(whole, 1e-9)).toFixed(3)}%`
