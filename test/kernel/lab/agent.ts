/** A process in a network namespace that executes the calls a test sends over IPC. */
import { Backend, FastBackend } from './backend.ts'
import { ask, talk } from './client.ts'
import type { Call, Calls, Reply, Truth } from './protocol.ts'
import type { AskOptions, ListenOptions, TalkOptions } from './protocol.ts'

const backends: (Backend | FastBackend)[] = []

async function perform(call: Call): Promise<ReturnType<Calls[typeof call.name]>> {
  switch (call.name) {
    case 'listen': {
      const options = call.options as ListenOptions
      const backend = options.fast === true ? new FastBackend(options) : new Backend(options)
      backends.push(backend)
      return backend.listen()
    }
    case 'unlisten': {
      const port = call.options as number
      for (const backend of backends) if (backend.port === port) backend.close()
      return
    }
    case 'talk':
      return talk(call.options as TalkOptions)
    case 'talkMany':
      return Promise.all((call.options as readonly TalkOptions[]).map(talk))
    case 'ask':
      return ask(call.options as AskOptions)
    case 'ledger':
      return backends.reduce<Truth>((all, backend) => ({ ...all, ...backend.truth() }), {})
  }
}

process.on('message', (call: Call) => {
  perform(call).then(
    (value) => reply({ id: call.id, value }),
    (error: unknown) => reply({ id: call.id, error: error instanceof Error ? error.message : String(error) }),
  )
})
// Exit with the test.
process.on('disconnect', () => process.exit(0))
process.on('uncaughtException', (error) => process.stderr.write(`agent: ${error.stack ?? error.message}\n`))

function reply(message: Reply): void {
  process.send?.(message)
}
reply({ id: 0 })
