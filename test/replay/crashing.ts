/** A player that breaks in the middle of a picture: started by terminal.test.ts as a program of its own. */
import { BOARD_DEFAULTS } from '../../src/frame/leaderboard.ts'
import { wallMicros } from '../../src/frame/units.ts'
import { play } from '../../src/replay/player.ts'
import { story } from './story.ts'

setTimeout(() => {
  throw new Error('broken on purpose')
}, 300)

await play(
  story(),
  { input: process.stdin, output: process.stdout, depth: 'colour' },
  {
    board: BOARD_DEFAULTS,
    sort: 'rps',
    filter: '',
    windowSeconds: 1,
    timeZone: 'UTC',
    begin: 'start',
    playing: false,
    speed: 1,
    loop: false,
    idleLimit: null,
    growth: null,
    isLive: false,
    mark: null,
    command: null,
    now: () => wallMicros(0),
    signal: new AbortController().signal,
    empty: '',
    notice: null,
  },
)
