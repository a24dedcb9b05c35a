/**
 * Signals that end other programs, or open node's debugger, and must not end a recorder by surprise: `pkill -USR1` to all of a host's
 * daemons, Ctrl-\ for a neighbour in the pipe. It imports nothing, so that it stands before the rest of the program is loaded.
 */

/** Calls back once for each of the signals, also for one that came before. */
export type IgnoredSignals = (tell: (name: NodeJS.Signals) => void) => void

/** @param args the command line without node and script */
export function ignoreSignals([command]: readonly string[]): IgnoredSignals {
  const heard = new Set<NodeJS.Signals>()
  let tell: (name: NodeJS.Signals) => void = () => undefined
  // On SIGUSR1 node opens a debugger for everybody on this host, whatever the command.
  for (const name of ['SIGUSR1', ...(command === 'record' ? (['SIGQUIT'] as const) : [])] as const)
    process.on(name, () => {
      if (heard.has(name)) return
      heard.add(name)
      tell(name)
    })
  return (listener) => {
    tell = listener
    heard.forEach(listener)
  }
}

/** Calls back for each SIGUSR2, also for one that came before. */
export type DumpSignal = (dump: () => void) => void

/** SIGUSR2 asks a recorder for a dump, from its first moment on: it must not end it before it can. */
export function hearDumpSignal([command]: readonly string[]): DumpSignal | null {
  if (command !== 'record') return null
  let early = false
  let dump = (): void => void (early = true)
  process.on('SIGUSR2', () => dump())
  return (listener) => {
    dump = listener
    if (early) listener()
    early = false
  }
}
