/** A process in a network namespace that executes the calls a test sends over IPC. */
import { Backend, FastBackend } from './backend.ts'
import { ask, talk } from './client.ts'
import type { Call, Calls, Reply, Truth } from './protocol.ts'
import type {
  AskOptions,
  GrpcAskOptions,
  GrpcListenOptions,
  H2ListenOptions,
  ListenOptions,
  TalkOptions,
} from './protocol.ts'

interface Listener {
  readonly port: number
  listen(): Promise<number>
  close(): void
  truth(): Truth
}

const backends: Listener[] = []
const listen = (backend: Listener): Promise<number> => {
  backends.push(backend)
  return backend.listen()
}

async function perform(call: Call): Promise<ReturnType<Calls[typeof call.name]>> {
  switch (call.name) {
    case 'listen': {
      const options = call.options as ListenOptions
      return listen(options.fast === true ? new FastBackend(options) : new Backend(options))
    }
    // Loaded where they are needed: most tests need neither.
    case 'grpcListen': {
      const { GrpcServer } = await import('./grpc.ts')
      return listen(new GrpcServer(call.options as GrpcListenOptions))
    }
    case 'askGrpc': {
      const { askGrpc } = await import('./grpc.ts')
      return askGrpc(call.options as GrpcAskOptions)
    }
    case 'h2Listen': {
      const { H2Backend } = await import('./h2.ts')
      return listen(new H2Backend(call.options as H2ListenOptions))
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
