/** A backend's label in the room that there is. */
import type { Label } from '../frame/views/labels.ts'
import { cellWidth, clip, tail, visible } from './text.ts'

/** Name and address if both fit, else the name, and of the address what tells it apart from others of that name. */
export function fitLabel({ full, name, apart }: Label, width: number): string {
  const whole = visible(full)
  if (name === null || cellWidth(whole) <= width) return clip(whole, width)
  if (apart === '') return clip(visible(name), width)
  const place = tail(visible(apart), Math.max(1, Math.floor((2 * width) / 3)))
  const room = width - cellWidth(place) - SEPARATOR.length
  return room < LEAST_NAME ? place : `${clip(visible(name), room)}${SEPARATOR}${place}`
}

const SEPARATOR = ' · '
/** A shorter beginning of a name says nothing. */
const LEAST_NAME = 3
