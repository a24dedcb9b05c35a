/** What a page knows of a range beside its pictures. */
import { addressKey, hasGrpc, type Aggregate } from '../../frame/model/aggregate.ts'
import { needsOffset } from '../../frame/time/timezone.ts'
import { visible } from '../../render/text.ts'
import type { Summary } from '../data/summary.ts'
import type { FindingEntry } from '../document/document.ts'
import { doubtsOf } from '../document/doubts.ts'
import type { PageEvents, PageFacts, PageFinding } from './facts.ts'

/** @param timeZone IANA name in which the page shows times */
export function factsOf(
  summary: Summary,
  findings: readonly FindingEntry[],
  events: PageEvents | null,
  timeZone: string,
): PageFacts {
  const { recordings, query, markers, gaps, selected } = summary
  return {
    host: visible([...new Set(recordings.map(({ host }) => host))].join(', ')),
    files: recordings.map(({ file }) => visible(file)),
    zone: timeZone,
    withOffset: needsOffset(query.range, timeZone),
    from: query.range.from / 1e6,
    to: query.range.to / 1e6,
    withGrpc: hasGrpc(selected),
    findings: pageFindings(findings, selected),
    markers: markers.map(({ at, kind, text }) => ({ at: at / 1e6, kind, text: visible(text) })),
    gaps: gaps.map(({ from, to, reason }) => ({ from: from / 1e6, to: to / 1e6, reason })),
    events,
    doubts: doubtsOf(summary).map(visible),
  }
}

export function pageFindings(findings: readonly FindingEntry[], { backends }: Aggregate): PageFinding[] {
  const keyOf = (address: string | null): string | null => {
    const keys = new Set(
      backends.filter(({ backend }) => backend.address === address).map(({ backend }) => addressKey(backend)),
    )
    // Of several network namespaces the finding does not say which.
    return keys.size === 1 ? [...keys][0]! : null
  }
  return findings.map(({ kind, from, to, what, backend, route }) => ({
    kind,
    from: Date.parse(from) / 1000,
    to: Date.parse(to) / 1000,
    what: visible(what),
    backend: keyOf(backend),
    route,
  }))
}
