/** What the page says first: where, when, how much, how bad, how slow, and how sure. */
import { exactCount, finePercent, longSpan, NOTHING, precisePercent, rate } from '../../render/quantities.ts'
import type { Entity } from '../document/document.ts'
import {
  bytesText,
  failuresOf,
  grpcEndedIn,
  grpcErrorsIn,
  millis,
  timesText,
} from '../document/entity-text.ts'
import { LOUD } from '../page/draw/lanes.ts'
import { text } from '../page/markup.ts'
import type { PageFacts } from '../picture/facts.ts'
import type { Report } from './report.ts'
import type { Section } from './section.ts'

interface Figure {
  readonly name: string
  readonly value: string
  readonly beside: string
  /** zero is quiet, trouble is not */
  readonly look: '' | 'zero' | 'bad'
}

export function headlineHtml(report: Report, sections: readonly Section[], { doubts }: PageFacts): string {
  const [title] = sections
  return [
    '<p class="brand">upstreamtop report</p>',
    `<h1>${text(title?.kind === 'title' ? title.text : '')}</h1>`,
    `<dl class="figures">${figuresOf(report).map(figureHtml).join('\n')}</dl>`,
    `<p class="note">${text(restOf(report.document))}</p>`,
    doubts.length === 0
      ? ''
      : `<ul class="doubts">${doubts.map((doubt) => `<li>${text(doubt)}</li>`).join('')}</ul>`,
  ].join('\n')
}

const figureHtml = ({ name, value, beside, look }: Figure): string =>
  `<div${look === '' ? '' : ` class="${look}"`}><dt>${text(name)}</dt><dd><strong>${text(value)}</strong> <span>${text(beside)}</span></dd></div>`

function figuresOf({ document, summary }: Report): Figure[] {
  const { totals, coverage, range } = document
  const { status, answered, header_ms: times } = totals
  const failures = failuresOf(totals)
  const of = (name: string, value: string, beside: string, look: Figure['look'] = ''): Figure => ({
    name,
    value,
    beside,
    look,
  })
  return [
    of('Requests', exactCount(totals.requests), totals.rps === null ? '' : `${rate(totals.rps)} per second`),
    of(
      '5xx',
      finePercent(answered === 0 ? null : status['5xx'] / answered),
      status['5xx'] === 0 ? '' : `${exactCount(status['5xx'])} answer${status['5xx'] === 1 ? '' : 's'}`,
      lookOf(status['5xx'], answered),
    ),
    ...grpcFigure(totals.grpc),
    of(
      'Failures',
      exactCount(failures),
      failures === 0 ? '' : 'without an answer',
      lookOf(failures, answered + failures),
    ),
    of('Median', millis(times.p50), 'to the header'),
    of('p99', millis(times.p99), `max ${millis(times.max)}`),
    of(
      'Coverage',
      coverage.ratio === null ? NOTHING : precisePercent(coverage.ratio),
      `${longSpan(range.covered * 1e6)} of ${longSpan(summary.elapsed)}`,
    ),
  ]
}

const lookOf = (bad: number, whole: number): Figure['look'] =>
  bad === 0 ? 'zero' : bad / whole >= LOUD ? 'bad' : ''

/** Only where there was gRPC. */
function grpcFigure(grpc: Entity['grpc']): Figure[] {
  const ended = grpc === null ? 0 : grpcEndedIn(grpc)
  const errors = grpcErrorsIn(grpc) ?? 0
  if (ended === 0) return []
  const beside = errors === 0 ? '' : `${exactCount(errors)} of ${exactCount(ended)}`
  return [{ name: 'gRPC errors', value: finePercent(errors / ended), beside, look: lookOf(errors, ended) }]
}

/** What is of no first importance. */
function restOf({ totals }: Report['document']): string {
  const { status, answered, header_ms: header, total_ms: total } = totals
  return [
    `4xx ${finePercent(answered === 0 ? null : status['4xx'] / answered)}`,
    `in flight at the end ${exactCount(totals.in_flight)}`,
    `header time ${timesText(header)}`,
    `total time ${timesText(total)}`,
    ...(totals.sent_bytes === null ? [] : [`sent ${bytesText(totals.sent_bytes)}`]),
    ...(totals.received_bytes === null ? [] : [`received ${bytesText(totals.received_bytes)}`]),
  ].join(' · ')
}
