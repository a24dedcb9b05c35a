/** A real terminal: a separate tmux server, driven by keys and read by cells. Ends with the test. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause } from './fake-terminal.ts'

export const ROOT = join(import.meta.dirname, '../..')
/** The command that starts the program from its sources. */
export const PROGRAM = 'node --import tsx src/main.ts'

export const hasTmux = spawnSync('tmux', ['-V']).status === 0
/** The `skip` value of node:test: what is missing, or false. */
export const WITHOUT_TMUX = hasTmux ? false : 'needs tmux: apt-get install tmux'

let sessions = 0

export class Tmux {
  readonly #name = `s${++sessions}`
  /** One server and socket per session: a server that ends with its last session would briefly refuse the next. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tmux-'))
  readonly #socket = join(this.#folder, 'socket')

  /** Starts a shell in the project's folder. */
  constructor(
    t: { after(cleanup: () => unknown): void },
    columns = 100,
    rows = 30,
    environment: Readonly<Record<string, string>> = {},
  ) {
    const variables = Object.entries({ PS1: '$ ', HISTFILE: '/dev/null', ...environment })
    const settings = variables.flatMap(([name, value]) => ['-e', `${name}=${value}`])
    const size = ['-x', String(columns), '-y', String(rows)]
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      this.#name,
      ...size,
      ...settings,
      '-c',
      ROOT,
      'bash --norc --noprofile',
    )
    const shell = this.is('pane_pid')
    t.after(async () => {
      spawnSync('tmux', ['-S', this.#socket, 'kill-server'])
      // What runs here is hung up now, and ends a little later: until then it may write beside its files, which the test removes.
      while (processes('-s', shell).length > 0) await pause(30)
      rmSync(this.#folder, { recursive: true, force: true })
    })
  }

  /** Types text literally. */
  type(text: string): void {
    this.#tmux('send-keys', '-t', this.#name, '-l', text)
  }

  /** Pastes as a terminal does: marked, if the program has asked for it. */
  paste(text: string): void {
    this.#tmux('set-buffer', text)
    this.#tmux('paste-buffer', '-p', '-r', '-t', this.#name)
  }

  /** Presses keys by tmux's names: `Enter`, `C-z`, `S-Right`. */
  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', '-t', this.#name, ...keys)
  }

  run(command: string): void {
    this.type(command)
    this.press('Enter')
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-t', this.#name, '-x', String(columns), '-y', String(rows))
  }

  get screen(): string {
    return this.#tmux('capture-pane', '-p', '-t', this.#name)
  }

  /** The screen with escape sequences. */
  get painted(): string {
    return this.#tmux('capture-pane', '-p', '-e', '-t', this.#name)
  }

  /** `alternate_on`, `cursor_flag`, `pane_pid`, … */
  is(format: string): string {
    return this.#tmux('display-message', '-p', '-t', this.#name, `#{${format}}`).trim()
  }

  /** Waits until the screen shows it. @throws with the screen after a timeout */
  async shows(what: RegExp | ((screen: string) => boolean), milliseconds = 60_000): Promise<string> {
    const until = Date.now() + milliseconds
    for (;;) {
      const { screen } = this
      if (what instanceof RegExp ? what.test(screen) : what(screen)) return screen
      if (Date.now() > until) throw new Error(`${String(what)} did not come:\n${screen}`)
      await pause(30)
    }
  }

  /** The only process that runs in this shell. */
  get child(): number {
    const pids = processes('-P', this.is('pane_pid'))
    if (pids.length !== 1) throw new Error(`${pids.length} processes run in the shell:\n${this.screen}`)
    return pids[0]!
  }

  #tmux(...words: readonly string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...words], { encoding: 'utf8' })
  }
}

/** Ids of processes that have not ended and that pgrep selects: of a parent (`-P`), of a session (`-s`). */
const processes = (...selection: readonly string[]): number[] =>
  spawnSync('pgrep', ['-r', 'D,R,S,T', ...selection], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean)
    .map(Number)
