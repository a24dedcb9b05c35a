/** The times below a drawing. */
import type { Picture } from '../../../picture/picture.ts'
import { timeTicks, type TimeTick } from '../../draw/time-axis.ts'
import { element, percentOf } from '../browser/dom.ts'

/** px that a time needs. */
const ROOM = 90

export function axisTicks(picture: Picture, zone: string, host: HTMLElement): readonly TimeTick[] {
  const width = host.clientWidth || 800
  return timeTicks(picture, zone, Math.max(2, Math.floor(width / ROOM)))
}

export function axis(ticks: readonly TimeTick[], count: number): HTMLElement[] {
  const made = element('div', 'axis')
  made.setAttribute('aria-hidden', 'true')
  for (const { place, text, isDay } of ticks) {
    // A time at the very end would be cut.
    if (place > count * 0.985) continue
    const tick = element('span', isDay ? 'tick day' : 'tick', text)
    tick.style.left = percentOf(place, count)
    made.append(tick)
  }
  return [made]
}
