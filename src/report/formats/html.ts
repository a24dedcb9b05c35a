/**
 * A report as one HTML file. It works offline, and can be read without scripts and without its style, which Jenkins forbids. Its policy allows only its own script and style, by
 * their hashes. The sections are those of text and Markdown; only this format has interactive charts, a scrubber and a leaderboard.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { HERE } from '../../place.ts'
import { longSpan } from '../../render/quantities.ts'
import { jsonText, visible } from '../../render/text.ts'
import type { PageData } from '../page/page-data.ts'
import { STYLE } from '../page/style.ts'
import type { Report } from './report.ts'
import type { Section } from './section.ts'
import { sectionsOf } from './sections.ts'

export function htmlOf(report: Report): string {
  const data = report.page()
  const sections = sectionsOf(report)
  const charts = sections.filter(({ kind }) => kind === 'chart')
  const before = sections.slice(
    1,
    sections.findIndex(({ kind }) => kind === 'chart'),
  )
  const after = sections.slice(1 + before.length + charts.length)
  const title = sections.find((section) => section.kind === 'title')?.text ?? ''
  const style = `${asset('uplot/dist/uPlot.min.css')}\n${STYLE.trim()}`
  const script = `${asset('uplot/dist/uPlot.iife.min.js')}\n${clientScript()}`
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy(style, script)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>upstreamtop: ${text(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    `<header><h1>upstreamtop</h1><div>${text(title)}</div></header>`,
    ...before.map((section) => sectionHtml(section, report)),
    '<div class="beside"><div>',
    ...charts.map((section) => sectionHtml(section, report)),
    '</div>',
    momentSection(data),
    '</div>',
    ...after.map((section) => sectionHtml(section, report)),
    `<script type="application/json" id="data">${inert(withBands(data, report))}</script>`,
    `<script>${script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function sectionHtml(section: Section, { document }: Report): string {
  switch (section.kind) {
    case 'title':
      return ''
    case 'lines': {
      if (section.title === null)
        return `<ul class="facts">${section.lines.map((line) => `<li>${text(line)}</li>`).join('')}</ul>`
      const places =
        section.title === 'Findings' ? document.findings.map(({ from }) => Date.parse(from) / 1000) : []
      const items = section.lines.map(
        (line, i) => `<li${places[i] === undefined ? '' : ` data-at="${places[i]}"`}>${text(line)}</li>`,
      )
      return `<section><h2>${text(section.title)}</h2><ul class="plain">${items.join('')}</ul></section>`
    }
    case 'table':
      return tableOf(section)
    case 'chart':
      return chartOf(section)
    // The page has its own.
    case 'heatmap':
      return ''
    case 'code':
      return `<section><h2>${text(section.title)}</h2><pre><code>${text(section.text)}</code></pre></section>`
  }
}

function momentSection({ seconds, step }: PageData): string {
  return [
    '<section class="moment" hidden><h2>At a moment</h2>',
    '<div id="scrubber"><button type="button">Play</button>',
    `<input type="range" min="0" max="${seconds.length - 1}" value="0" aria-label="moment"><output id="moment"></output></div>`,
    '<div id="board" class="scroll"></div>',
    `<p class="dim">By ${longSpan(step * 1e6)}, the finest step that fits on this page. Click on a chart, or drag the slider; drag over a chart to zoom, double click to see all.</p></section>`,
  ].join('\n')
}

function tableOf({ title, columns, rows, note }: Extract<Section, { kind: 'table' }>): string {
  const align = (i: number): string => ` align="${columns[i]!.align}"`
  const head = columns.map((column, i) => `<th scope="col"${align(i)}>${text(column.title)}</th>`).join('')
  const body = rows.map(
    (row) =>
      `<tr>${row.map((cell, i) => `<td${align(i)}>${columns[i]!.untrusted ? `<code>${text(cell)}</code>` : text(cell)}</td>`).join('')}</tr>`,
  )
  const tableHtml =
    rows.length === 0
      ? '<p>none</p>'
      : `<div class="scroll"><table class="sortable" cellpadding="4"><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
  return `<section><h2>${text(title)}</h2>${tableHtml}${note === null ? '' : `<p class="dim">${text(note)}</p>`}</section>`
}

const CHARTS = [
  ['Requests', 'rate', '', '#2563eb'],
  ['5xx', 'errors', ' bad', '#d92d20'],
  ['Mean', 'time', ' time', '#7c3aed'],
] as const

/** A static drawing, whose attributes need no style sheet. The script replaces it. */
function chartOf({ title, values, format, from, to }: Extract<Section, { kind: 'chart' }>): string {
  const [, kind, look, colour] = CHARTS.find(([start]) => title.startsWith(start)) ?? CHARTS[0]
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0))
  const width = Math.max(1, values.length - 1)
  const x = (i: number): string => ((1000 * i) / width).toFixed(1)
  const path = values
    .map((value, i) =>
      value === null
        ? ''
        : `${values[i - 1] == null ? 'M' : 'L'}${x(i)} ${(98 - (96 * value) / most).toFixed(1)}`,
    )
    .join('')
  const gaps = values
    .map((value, i) =>
      value === null
        ? `<rect class="gap" fill="#d9dde2" x="${x(i - 0.5)}" y="0" width="${(1000 / width).toFixed(1)}" height="100"/>`
        : '',
    )
    .join('')
  return [
    `<section><h2>${text(kind === 'time' ? 'Header time' : title.replace(/, by [^,]*$/, ''))}</h2><figure data-chart="${kind}">`,
    `<svg class="static" width="100%" height="112" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img">${gaps}<path class="area${look}" fill="none" stroke="${colour}" stroke-width="1.5" vector-effect="non-scaling-stroke" d="${path}"/></svg>`,
    `<figcaption>${text(`${from} to ${to}, at most ${format(most)}`)}<noscript> (${text(title)})</noscript></figcaption></figure></section>`,
  ].join('\n')
}

function withBands(data: PageData, { summary, document }: Report): PageData {
  const seconds = (iso: string): number => Date.parse(iso) / 1000
  return {
    ...data,
    bands: [
      ...document.findings
        .filter(({ kind }) => kind !== 'gap')
        .map(({ from, to }) => ({ from: seconds(from), to: seconds(to), kind: 'finding' })),
      ...summary.gaps.map(({ from, to }) => ({ from: from / 1e6, to: to / 1e6, kind: 'gap' })),
      ...summary.markers.map(({ at }) => ({ from: at / 1e6, to: at / 1e6, kind: 'marker' })),
    ],
  }
}

const policy = (style: string, script: string): string =>
  `default-src 'none'; style-src '${hash(style)}'; script-src '${hash(script)}'; base-uri 'none'; form-action 'none'`

const hash = (content: string): string => `sha256-${createHash('sha256').update(content).digest('base64')}`

const text = (content: string): string =>
  visible(content).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** Data in a script element must not contain the element's end tag. */
const inert = (data: PageData): string => jsonText(data, 0).replace(/</g, '\\u003c')

const asset = (path: 'uplot/dist/uPlot.min.css' | 'uplot/dist/uPlot.iife.min.js'): string =>
  readFileSync(createRequire(import.meta.url).resolve(path), 'utf8').trim()

const clientScript = (): string => readFileSync(new URL('report/page/client.js', HERE), 'utf8').trim()
