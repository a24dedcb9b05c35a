/** `--name IP:PORT=LABEL`: names of addresses that nginx's configuration does not tell. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { usageError, type UserError } from '../../errors.ts'
import { compareBytes } from '../../frame/views/ranking.ts'
import type { Labels } from '../../record/decoder.ts'

/** As long as the longest name of a host. */
const MAX_LABEL = 253

/** An option that may be repeated: an address that comes twice has both labels. */
export function labelOption(text: string, labels: Labels = new Map()): Labels {
  const end = text.indexOf('=')
  const [address, label] = [addressOf(text.slice(0, Math.max(0, end))), text.slice(end + 1).trim()]
  if (end < 0 || label === '') throw wrong(text, 'is not IP:PORT=LABEL')
  if (address === null) throw wrong(text, 'does not begin with IP:PORT (IPv6 in brackets)')
  if (label.length > MAX_LABEL || /\p{Cc}/u.test(label))
    throw wrong(text, `has a label with a control character, or of more than ${MAX_LABEL} characters`)
  const all = new Set([...(labels.get(address) ?? []), label])
  return new Map([...labels, [address, [...all].sort(compareBytes)]])
}

const wrong = (text: string, what: string): UserError =>
  usageError(`--name "${text}" ${what}`, 'for example --name 10.0.1.10:8080=api --name [fd00::1]:80=web')

/** As the helper writes it; null: no IP:PORT */
function addressOf(text: string): string | null {
  const [, ipv6, ipv4 = '', digits] = /^(?:\[(.*)\]|([\d.]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port < 1 || port > 65_535) return null
  if (ipv6 === undefined) return isIPv4(ipv4) ? `${ipv4}:${port}` : null
  if (!isIPv6(ipv6) || ipv6.includes('%')) return null
  const { address } = new SocketAddress({ address: ipv6, family: 'ipv6' })
  const [, mapped] = /^::ffff:([\d.]+)$/.exec(address) ?? []
  return `${mapped ?? `[${address}]`}:${port}`
}
