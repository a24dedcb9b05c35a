/** What a page knows of a recording beside its pictures. JSON: moments are seconds since 1970. All text is visible text. */
import type { FindingKind } from '../document/document.ts'
import type { GapReason, Marker } from '../../frame/model/frame.ts'
import type { PackedPicture } from './packed-picture.ts'

export interface PageFacts {
  /** the hosts, as the headline names them */
  readonly host: string
  /** the files, as the user named them */
  readonly files: readonly string[]
  /** IANA name in which times are shown */
  readonly zone: string
  /** its offset changes within the range */
  readonly withOffset: boolean
  readonly from: number
  readonly to: number
  /** only then anything is said of gRPC */
  readonly withGrpc: boolean
  readonly findings: readonly PageFinding[]
  readonly markers: readonly { readonly at: number; readonly kind: Marker['kind']; readonly text: string }[]
  readonly gaps: readonly { readonly from: number; readonly to: number; readonly reason: GapReason }[]
  /** where the ticks of the range have bursts and slow-downs; null: rows are selected, so only pictures tell */
  readonly events: PageEvents | null
  /** what was repaired, not seen or lost, in words; empty: nothing */
  readonly doubts: readonly string[]
}

/** Seconds since 1970, in order. */
export interface PageEvents {
  readonly trouble: readonly number[]
  readonly slow: readonly number[]
}

export interface PageFinding {
  readonly kind: FindingKind
  readonly from: number
  readonly to: number
  readonly what: string
  /** an addressKey; null: it is of all traffic, or of a backend that the page does not have */
  readonly backend: string | null
  /** `METHOD route`, as the subjects of lines have it: to be compared, not shown */
  readonly route: string | null
}

/** What `report --format html` embeds: the first picture is of the whole range, the others are finer, of a part of it each. */
export interface EmbeddedData {
  readonly facts: PageFacts
  readonly pictures: readonly [PackedPicture, ...PackedPicture[]]
}
