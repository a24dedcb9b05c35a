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
  for (const name of ['SIGUSR1', ...(command === 'record' ? (['SIGUSR2', 'SIGQUIT'] as const) : [])] as const)
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
