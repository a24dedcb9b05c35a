/** Text in HTML. What comes from a recording enters a page through here only. */
import { jsonText, visible } from '../../render/text.ts'

/** Inert as content of an element and as a quoted attribute. */
export const text = (content: string): string =>
  visible(content).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** Data in a script element must not contain the element's end tag. */
export const inert = (data: unknown): string => jsonText(data, 0).replace(/</g, '\\u003c')

/** A number of the program's own in an attribute: at most two digits behind the point. */
export const share = (part: number, whole: number): string =>
  `${Math.round((whole === 0 ? 0 : (100 * part) / whole) * 100) / 100}%`
