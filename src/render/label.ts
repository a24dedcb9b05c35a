/** A backend's label in the room that there is. */
import type { Label } from '../frame/views/labels.ts'
import { cellWidth, clip, tail, visible } from './text.ts'

/**
 * Name and address if both fit, with the namespace if that fits, too; on a wide screen the address beside as much of the name as fits; else the name, and of the address what
 * tells it apart from others of that name.
 */
export function fitLabel({ full, name, place, address, apart }: Label, width: number): string {
  const whole = visible(full)
  if (cellWidth(whole) <= width) return whole
  if (name === null) return fitPlace(whole, width)
  for (const where of [place, address]) {
    const beside = besideName(visible(name), visible(where), width, LEAST_BESIDE_ADDRESS)
    if (beside !== null) return beside
  }
  if (apart === '') return clip(visible(name), width)
  const short = tail(visible(apart), Math.max(1, width - SEPARATOR.length - LEAST_NAME))
  return besideName(visible(name), short, width, LEAST_NAME) ?? short
}

/** Of an address with its namespace both ends stay: the port, and what tells the namespace apart. */
function fitPlace(place: string, width: number): string {
  const at = place.lastIndexOf('%')
  if (at < 0 || width < 2 * LEAST_NAMESPACE) return clip(place, width)
  const address = place.slice(0, at)
  const namespace = `%${tail(place.slice(at + 1), Math.max(LEAST_NAMESPACE, width - cellWidth(address)) - 1)}`
  return `${tail(address, width - cellWidth(namespace))}${namespace}`
}

const SEPARATOR = ' · '
/** Cells of a name that is cut: a shorter beginning says nothing. */
const LEAST_NAME = 3
const LEAST_BESIDE_ADDRESS = 12
/** Its kernel number, or a container's short id, nearly. */
const LEAST_NAMESPACE = 11

/** null: there is no room for so much of the name */
function besideName(name: string, text: string, width: number, least: number): string | null {
  const room = width - cellWidth(text) - SEPARATOR.length
  return room < Math.min(least, cellWidth(name)) ? null : `${clip(name, room)}${SEPARATOR}${text}`
}
