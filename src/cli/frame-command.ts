/** The command line that shows a frame of a file again. */
import { wallMicros } from '../frame/model/units.ts'
import { isoLocal } from '../frame/time/timezone.ts'
import type { FrameAddress } from '../replay/player/options.ts'
import { quoted, quotedFile } from '../shell.ts'
import type { ViewFlags } from './values/view.ts'

/** The frame's time is rounded up to the millisecond, so that it lies within the tick. */
export function frameCommand(
  file: string,
  frame: FrameAddress,
  { backends, routes, tz, ascii }: ViewFlags,
  timeZone: string,
): string {
  const at = wallMicros(Math.ceil(frame.at / 1000) * 1000)
  const words = ['upstreamtop', 'replay', quotedFile(file), '--print', '--at', isoLocal(at, timeZone)]
  words.push('--size', `${frame.columns}x${frame.rows}`)
  if (frame.windowSeconds !== 1) words.push('--window', String(frame.windowSeconds))
  if (frame.sort !== 'rps') words.push('--sort', frame.sort)
  if (frame.filter !== '') words.push('--filter', quoted(frame.filter))
  if (backends !== 8) words.push('--backends', String(backends))
  if (routes !== 4) words.push('--routes', String(routes))
  if (tz !== undefined) words.push('--tz', quoted(tz))
  if (ascii === true) words.push('--ascii')
  return words.join(' ')
}
