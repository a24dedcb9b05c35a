/** What `report --format html`, `diff --format html` and `view` have in common: head, policy, and the sections that the script knows. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { BUILT } from '../../place.ts'
import { text } from './markup.ts'
import { heatLegend } from './still-heat.ts'
import { laneLegend } from './still-lanes.ts'
import { SCRIPT_STYLE, STYLE } from './style.ts'

export interface PageParts {
  /** of the window, without the program's name */
  readonly title: string
  /** HTML of <main> */
  readonly main: string
  /** JSON for the script, inert; null: the page needs no script */
  readonly data: string | null
}

/** One file that works offline. Its policy allows only its own style and script, by their hashes. */
export function wholePage({ title, main, data }: PageParts): string {
  const style = data === null ? STYLE : pageStyle()
  const script = data === null ? null : pageScript()
  return pageOf({
    attributes: '',
    title,
    head: [
      `<meta http-equiv="Content-Security-Policy" content="${policy(style, script)}">`,
      `<style>${style}</style>`,
    ],
    main,
    end:
      script === null
        ? []
        : [`<script type="application/json" id="data">${data!}</script>`, `<script>${script}</script>`],
  })
}

/** The page of `view`: style, script and data come from its server, which also sends the policy. */
export const servedPage = (title: string): string =>
  pageOf({
    attributes: ' data-view="1"',
    title,
    head: [
      '<link rel="icon" href="data:,">',
      '<link rel="stylesheet" href="page.css">',
      '<script src="page.js" defer></script>',
    ],
    main: sections({
      headline: `<p class="brand">upstreamtop view</p><h1>${text(title)}</h1>`,
      findings: '<h2>Findings</h2><p class="note" id="finding">looking for them …</p>',
      lanes: `<h2>Traffic by backend</h2>${laneLegend(true)}`,
      heat: `<h2>Header time</h2>${heatLegend()}`,
    }),
    end: ['<noscript>This page needs its script; report --format html makes one that does not.</noscript>'],
  })

/** The sections that the script takes over, in their order. */
export const sections = (
  html: Readonly<Record<'headline' | 'findings' | 'lanes' | 'heat', string>>,
): string =>
  [
    `<section id="headline">${html.headline}</section>`,
    `<section id="findings">${html.findings}</section>`,
    `<section id="lanes">${html.lanes}</section>`,
    `<section id="heat">${html.heat}</section>`,
    '<section id="moment" hidden></section>',
  ].join('\n')

function pageOf(parts: {
  readonly attributes: string
  readonly title: string
  readonly head: readonly string[]
  readonly main: string
  readonly end: readonly string[]
}): string {
  return [
    '<!doctype html>',
    `<html lang="en"${parts.attributes}>`,
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>upstreamtop: ${text(parts.title)}</title>`,
    ...parts.head,
    '</head>',
    '<body>',
    '<main>',
    parts.main,
    '</main>',
    ...parts.end,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

/** A page without a script has nothing for it. */
const policy = (style: string, script: string | null): string =>
  [
    "default-src 'none'",
    `style-src '${hash(style)}'`,
    ...(script === null ? [] : [`script-src '${hash(script)}'`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')

const hash = (content: string): string => `sha256-${createHash('sha256').update(content).digest('base64')}`

/** Of a page with its script. */
export const pageStyle = (): string => `${STYLE}\n${SCRIPT_STYLE}`

/** What scripts/bundle.sh made of page/client/. */
export const pageScript = (): string => readFileSync(new URL('report/page/page.js', BUILT), 'utf8').trim()
