import type { RecordingInfo } from '../frame/model/recording.ts'
import { tlsNotRead } from './tls-text.ts'

/** What a recording lacks, each in a few words. */
export const lacksOf = ({ unseen = [], tls }: Pick<RecordingInfo, 'unseen' | 'tls'>): readonly string[] => [
  ...unseen.map(({ what }) => what),
  ...tlsNotRead(tls),
]
