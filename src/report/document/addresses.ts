/** What the addresses of backends are: where recordings differ in it, the same backend may have two. */
import { hasPacketAddresses, type RecordingInfo } from '../../frame/model/recording.ts'

/** Of the recordings of a report, in words; empty if all addresses are what was connected to. */
export function addressNotes(recordings: readonly RecordingInfo[]): readonly string[] {
  const old = recordings.filter(hasPacketAddresses)
  return [
    ...old.map(
      ({ file }) =>
        `${file}: its addresses are those that packets carried, behind NAT on its host (format 1)`,
    ),
    ...mixedNote(recordings),
  ]
}

/** If both kinds meet. */
export function mixedNote(recordings: readonly RecordingInfo[]): readonly string[] {
  const old = recordings.filter(hasPacketAddresses)
  return old.length === 0 || old.length === recordings.length
    ? []
    : [
        `the addresses differ in meaning: ${filesOf(old)} has what packets carried, behind NAT on its host; ` +
          `${filesOf(recordings.filter((info) => !hasPacketAddresses(info)))} has what was connected to. ` +
          'Where NAT changed an address, one backend is two here',
      ]
}

const filesOf = (recordings: readonly RecordingInfo[]): string =>
  recordings.map(({ file }) => `"${file}"`).join(', ')
