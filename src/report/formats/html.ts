/**
 * A report as one HTML page. It works offline, and reads without scripts and without its style, which Jenkins and GitLab forbid: what the
 * script draws again for the eye and the hand is there already, as a table or a drawing.
 */
import { exactCount, longSpan } from '../../render/quantities.ts'
import { visible } from '../../render/text.ts'
import { inert, text } from '../page/markup.ts'
import { sections as pageSections, wholePage } from '../page/skeleton.ts'
import { heatLegend, stillHeat } from '../page/still-heat.ts'
import { laneLegend, stillLanes } from '../page/still-lanes.ts'
import { coarser } from '../picture/coarser.ts'
import type { EmbeddedData } from '../picture/facts.ts'
import { unpackPicture } from '../picture/packed-picture.ts'
import type { Picture } from '../picture/picture.ts'
import { headlineHtml } from './html-headline.ts'
import { tableHtml } from './html-tables.ts'
import type { Report } from './report.ts'
import type { Section } from './section.ts'
import { sectionsOf } from './sections.ts'

export function htmlOf(report: Report): string {
  const data = report.page()
  const picture = unpackPicture(data.pictures[0])
  const sections = sectionsOf(report)
  const [title] = sections
  const sparks = coarser(picture, Math.ceil(picture.count / SPARK_STEPS))
  return wholePage({
    title: title?.kind === 'title' ? title.text : '',
    main: [
      pageSections({
        headline: headlineHtml(report, sections, data.facts),
        findings: findingsHtml(report, sections),
        lanes: lanesHtml(picture, data),
        heat: `<h2>Header time</h2>${heatLegend()}<div class="static">${stillHeat(picture, data.facts)}</div>`,
      }),
      ...sections
        .filter(isBelow)
        .map((section) => sectionHtml(withoutDoubts(section, data.facts.doubts), sparks)),
    ].join('\n'),
    data: inert(data),
  })
}

/** Of a lane in a cell of a table. */
const SPARK_STEPS = 96

/** What headline, findings and drawings do not say. */
const isBelow = (section: Section): boolean =>
  section.kind === 'table' ||
  section.kind === 'code' ||
  (section.kind === 'lines' && section.title !== null && section.title !== 'Findings')

/** The headline says them. */
const withoutDoubts = (section: Section, doubts: readonly string[]): Section =>
  section.kind === 'lines'
    ? { ...section, lines: section.lines.filter((line) => !doubts.includes(visible(line))) }
    : section

function findingsHtml({ document }: Report, sections: readonly Section[]): string {
  const found = sections.find((section) => section.kind === 'lines' && section.title === 'Findings')
  if (document.findings.length === 0 || found?.kind !== 'lines') {
    const why = document.range.covered === 0 ? 'was recorded' : 'changed enough to stand out'
    return `<h2>Findings</h2><p class="zero">none: nothing ${why}</p>`
  }
  const items = found.lines.map((line, i) => {
    const [, when = '', what = line] = /^(.*?) {2}([^]*)$/.exec(line) ?? []
    return `<li id="finding-${i + 1}" data-finding="${i}" class="${document.findings[i]!.kind === 'gap' ? 'gap' : 'bad'}"><time>${text(when)}</time> <span>${text(what)}</span></li>`
  })
  return `<h2>Findings</h2><ol>${items.join('\n')}</ol>`
}

function lanesHtml(picture: Picture, { facts, pictures }: EmbeddedData): string {
  const close = pictures.length - 1
  const step = `Steps of ${longSpan(picture.step * 1e6)}, the finest that fits on this page${close === 0 ? '' : `; ${exactCount(close)} short spans with findings are in it by the second`}.`
  return [
    '<h2>Traffic by backend</h2>',
    laneLegend(facts.withGrpc),
    `<div class="static">${stillLanes(picture, facts)}</div>`,
    `<p class="note">${text(step)}</p>`,
  ].join('\n')
}

function sectionHtml(section: Section, sparks: Picture): string {
  switch (section.kind) {
    case 'title':
    case 'chart':
    // The page has its own.
    case 'heatmap':
      return ''
    case 'lines':
      return `<section class="narrow"><h2>${text(section.title ?? '')}</h2><ul class="plain">${section.lines.map((line) => `<li>${text(line)}</li>`).join('')}</ul></section>`
    case 'table':
      return tableHtml(section, sparks)
    case 'code':
      return `<section class="wide"><h2>${text(section.title)}</h2><pre><code>${text(section.text)}</code></pre></section>`
  }
}
