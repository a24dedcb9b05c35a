/** A player that throws while it plays; terminal.test.ts starts it as a program. */
import { play } from '../../src/replay/player/player.ts'
import { PLAY_DEFAULTS, exampleRecording } from './example-recording.ts'

setTimeout(() => {
  throw new Error('broken on purpose')
}, 300)

await play(
  exampleRecording(),
  { input: process.stdin, output: process.stdout, depth: 'colour', isAscii: false },
  { ...PLAY_DEFAULTS, signal: new AbortController().signal },
)
