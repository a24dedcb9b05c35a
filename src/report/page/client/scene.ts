/** What the parts of the page draw, and what they ask for. */
import type { Subject } from '../../../frame/views/drilldown.ts'
import type { PageFinding } from '../../picture/facts.ts'
import type { Picture } from '../../picture/picture.ts'
import type { SideFacts } from '../source/source.ts'
import type { PageState } from '../state/address.ts'

export interface Scene {
  readonly state: PageState
  readonly facts: SideFacts
  readonly findings: readonly PageFinding[]
  readonly picture: Picture
}

/** Moments are those of the scene's own recording, seconds since 1970. */
export interface Wishes {
  readonly moment: (second: number) => void
  readonly zoom: (from: number, to: number) => void
  readonly back: () => void
  readonly subject: (subject: Subject | null) => void
  readonly finding: (finding: PageFinding) => void
}
