/**
 * The screenshots of the README: the program on a real terminal (tmux) plays a fixture, and its cells are drawn as SVG.
 *   node --import tsx test/replay/screenshots.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pause } from './fake-terminal.ts'
import { svgOf } from './svg.ts'
import { PROGRAM, ROOT, Tmux } from './tmux.ts'

interface Shot {
  readonly name: string
  readonly title: string
  readonly columns: number
  readonly rows: number
  readonly options: string
  /** tmux has sixteen colours if it is not told else */
  readonly terminal?: string
  readonly keys: readonly string[]
  /** text on the screen when it is ready */
  readonly shows: RegExp
}

const RECORDING = process.argv[2] ?? 'fixtures/recordings/incident.db'

const SHOTS: readonly Shot[] = [
  {
    name: 'leaderboard',
    title: 'upstreamtop replay: one key from the start, and the burst of 5xx is on the screen',
    columns: 112,
    rows: 34,
    options: '',
    keys: ['Space', 'e', 'Right', 'Right', 'Right', 'Right'],
    shows: /5xx \d+%/,
  },
  {
    name: 'backend',
    title: 'upstreamtop replay: a backend looked at more closely, its series, codes and routes',
    columns: 112,
    rows: 34,
    options: '--sort 5xx',
    keys: ['Space', 'e', 'S-Right', 'Enter'],
    shows: /ROUTE/,
  },
  {
    name: 'requests',
    title: 'upstreamtop replay: the requests of one route at that moment',
    columns: 112,
    rows: 24,
    options: '--sort 5xx',
    keys: ['Space', 'e', 'S-Right', 'Enter', 'Enter', 'Enter'],
    shows: /kept requests/,
  },
  {
    name: 'heatmap',
    title: 'upstreamtop replay: every header time of eight minutes; at the cursor a backend has become slow',
    columns: 112,
    rows: 34,
    options: '--at 15:03:10',
    terminal: 'xterm-256color',
    keys: ['H', 'Down'],
    shows: /answers? · of /,
  },
]

const cleanups: (() => void)[] = []
try {
  mkdirSync(join(ROOT, 'docs/screenshots'), { recursive: true })
  for (const shot of SHOTS) writeFileSync(join(ROOT, `docs/screenshots/${shot.name}.svg`), await take(shot))
} finally {
  for (const cleanup of cleanups) cleanup()
}

async function take({ columns, rows, options, terminal, keys, shows, title }: Shot): Promise<string> {
  const tmux = new Tmux({ after: (cleanup) => cleanups.push(cleanup) }, columns, rows)
  const setting = terminal === undefined ? '' : `TERM=${terminal} `
  tmux.run(`${setting}${PROGRAM} replay ${RECORDING} ${options}`)
  await tmux.shows(/\? help/)
  for (const key of keys) {
    tmux.press(key)
    await pause(250)
  }
  await tmux.shows(shows)
  return svgOf(tmux.painted, columns, rows, title)
}
