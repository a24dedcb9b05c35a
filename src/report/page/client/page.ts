/** The parts of the page, and what they do to each other. */
import { heatRowBounds, type HeatScale } from '../../../frame/views/heat.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import { secondAt } from '../draw/time-axis.ts'
import type { SideFacts, Source } from '../source/source.ts'
import { sameSubject, type Range } from '../state/address.ts'
import { stepAt } from '../state/cut.ts'
import type { PageAction } from '../state/keys.ts'
import { cellName, momentName, type Cell } from '../state/readout.ts'
import { actOn, moveTo, showFinding, stepOn, type Hands } from './actions.ts'
import { AddressBar } from './browser/address-bar.ts'
import { App, type Drawn } from './app.ts'
import { Beside } from './parts/beside.ts'
import { byId } from './browser/dom.ts'
import { Exact } from './exact.ts'
import { linkFindings } from './parts/findings.ts'
import { Help } from './parts/help.ts'
import { onKeys } from './browser/keyboard.ts'
import { Layout } from './layout.ts'
import { Moment } from './parts/moment.ts'
import { Panel } from './panel.ts'
import { Player } from './browser/player.ts'
import { Requests } from './parts/requests.ts'
import type { Wishes } from './scene.ts'
import { Tip } from './browser/tip.ts'
import { Toolbar } from './parts/toolbar.ts'

export class Page {
  readonly app: App
  readonly #toolbar: Toolbar
  readonly #layout: Layout
  readonly #moment: Moment
  readonly #requests: Requests
  readonly #player: Player
  readonly #beside: Beside | null
  readonly #exact = new Exact(
    () => this.#drawTable(),
    ({ message, remedy }) => this.#moment.fail(message, remedy),
  )
  readonly #tip = new Tip()
  readonly #help = new Help()

  /** @param second what may stand beside it; null: nothing */
  constructor(source: Source, first: SideFacts, second: SideFacts | null) {
    const bar = new AddressBar((state) => void this.app.show(state))
    const panels = [this.#panel(0, false, first), second && this.#panel(0, true, second)] as const
    this.app = new App(source, bar, panels[0], panels[1], this.#drawn(), bar.read())
    this.#toolbar = new Toolbar(
      (action) => this.#act(action),
      (second) => moveTo(this.app, second),
    )
    this.#beside = second && new Beside(first.sides === 2, (pair) => this.app.go({ pair }))
    if (this.#beside !== null) this.#toolbar.element.append(this.#beside.element)
    this.#layout = new Layout(this.#toolbar)
    this.#player = new Player(
      () => stepOn(this.app),
      (isPlaying) => (this.#toolbar.playing = isPlaying),
    )
    this.#requests = new Requests(source)
    this.#moment = new Moment(byId('moment'), source.kind, {
      sort: (sort) => this.app.go({ sort }),
      open: (subject) => this.#open(subject),
      filter: (where) => this.app.go({ where }),
    })
    byId('moment').append(this.#requests.element)
    onKeys((action) => this.#act(action))
  }

  #drawn(): Drawn {
    return {
      draw: (app) => {
        this.#layout.draw(app, (subject) => app.go({ subject }))
        for (const panel of app.shownPanels) panel.draw(app.state)
        linkFindings(byId('findings'), app.first.findings, (finding) => showFinding(app, finding))
        this.#toolbar.draw(app.first.scene(app.state))
        this.#beside?.draw(app.state, app.range)
        this.#table()
      },
      move: (app) => {
        for (const panel of app.shownPanels) panel.moveTo(app.state)
        this.#toolbar.moveTo(app.first.scene(app.state))
        this.#table()
      },
      fail: (message, remedy) => this.#moment.fail(message, remedy),
    }
  }

  #table(): void {
    this.#exact.ask(this.app)
    this.#drawTable()
  }

  #drawTable(): void {
    const { first, state } = this.app
    this.#moment.draw(first.scene(state), this.#exact.rows, this.#exact.changes)
  }

  #act(action: PageAction): void {
    const hands: Hands = {
      play: () => this.#player.toggle(),
      help: () => this.#help.show(),
      filter: () => this.#moment.focusFilter(),
      row: (by) => this.#moment.moveRow(by),
      requests: () => this.#list(this.app.state.subject),
      close: () => this.#requests.close(),
      say: (text) => this.#toolbar.say(text),
    }
    actOn(this.app, hands, action)
  }

  /** Moments of a panel may be later than those of the state. */
  #panel(side: 0 | 1, isBeside: boolean, facts: SideFacts): Panel {
    const own = (second: number): number => second - panel.offset
    const wishes: Wishes = {
      moment: (second) => moveTo(this.app, own(second)),
      zoom: (from, to) => this.app.zoomTo({ from: own(from), to: own(to) }),
      back: () => void this.app.zoomBack(),
      subject: (subject) => this.app.go({ subject }),
      finding: (finding) =>
        showFinding(this.app, { ...finding, from: own(finding.from), to: own(finding.to) }),
    }
    const panel = new Panel(side, isBeside, facts, wishes, this.#tip, (of, cell, scale) =>
      this.#cell(of, cell, scale),
    )
    return panel
  }

  /** A row that is chosen already shows its requests. */
  #open(subject: Subject): void {
    if (sameSubject(subject, this.app.state.subject)) this.#list(subject)
    else this.app.go({ subject })
  }

  /** The requests of the chosen moment, or of the range. */
  #list(subject: Subject | null): void {
    const { state, first } = this.app
    const { picture, facts } = first.scene(state)
    const index = state.at === null ? null : stepAt(picture, state.at)
    const range = index === null ? this.app.range : stepRange(picture, index)
    const wanted = { ...this.app.wanted(first), range, subject, times: null }
    void this.#requests.show(`Requests, ${momentName(picture, index, facts)}`, wanted, facts)
  }

  #cell(panel: Panel, { index, row }: Cell, scale: HeatScale): void {
    const { state } = this.app
    const { picture, facts } = panel.scene(state)
    const wanted = {
      ...this.app.wanted(panel),
      range: stepRange(picture, index),
      subject: state.subject,
      times: heatRowBounds(row, scale),
    }
    void this.#requests.show(`Requests, ${cellName(picture, scale, { index, row }, facts)}`, wanted, facts)
  }
}

const stepRange = (picture: Parameters<typeof secondAt>[0], index: number): Range => ({
  from: secondAt(picture, index),
  to: secondAt(picture, index) + picture.step,
})
