/** All attacks of unprivileged users on the same host, at the same time, and one of a host on the network. */
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostileConfigurations } from '../../kernel/lab/configurations.ts'
import { buildStatic, mountSilent, startNeighbour } from '../../kernel/lab/neighbour.ts'
import type { NeighbourOptions } from '../../kernel/lab/neighbour.ts'
import { startInNamespace, startSpoofer } from '../../kernel/lab/impairments.ts'
import { EPHEMERAL, FORGED_PORT, type Testbed } from './testbed.ts'

const NOBODY = 65_534
const SOMEBODY = 1234

export interface Attackers {
  /** attacks that this machine cannot run */
  readonly lacking: readonly string[]
  /** ends all attacks; returns how often each one acted */
  stop(): Promise<Readonly<Record<string, number>>>
}

interface Attacker {
  stop(): Promise<unknown>
}

export async function startAttackers(testbed: Testbed, folder: string): Promise<Attackers> {
  const { proxy, far } = testbed.cable
  const programs = await buildPrograms(folder)
  const attackers: Record<string, Attacker> = {}
  const lacking: string[] = []

  const startFake = (options: Partial<NeighbourOptions>): Promise<Attacker> =>
    startNeighbour(proxy.namespace, { program: programs.fake, user: NOBODY, ...options })
  const attacker = (
    program: string,
    user: number,
    ...words: readonly (string | number)[]
  ): Promise<Attacker> => startInNamespace(proxy.namespace, [...asUser(user), program, ...words.map(String)])

  // First, so that its backends get table entries: more routes than the helper has room for.
  attackers['always new paths'] = await attacker(
    programs.other,
    SOMEBODY,
    ...['listeners', '127.0.0.3', 30_000, 30_063, 200, 10],
  )
  attackers['idle processes of nobody'] = await startFake({ words: 'copies=2500' })
  attackers['idle processes of another user'] = await startFake({ words: 'copies=500', user: SOMEBODY })
  attackers['processes named nginx that start and end'] = await attacker(
    programs.nginx,
    NOBODY,
    'processes',
    300,
  )
  for (const [address, user] of [
    ['127.0.0.2', NOBODY],
    ['::1', SOMEBODY],
    // the source address of nginx's connections
    ['10.77.0.1', NOBODY],
  ] as const)
    attackers[`listeners at ${address}`] = await attacker(
      programs.nginx,
      user,
      ...['listeners', address, ...EPHEMERAL, 60, 100],
    )
  attackers['requests from processes of another name'] = await attacker(
    programs.other,
    SOMEBODY,
    ...['listeners', '127.0.0.3', 20_000, 29_999, 150, 1000],
  )
  attackers['refused connects of a process named nginx'] = await attacker(
    programs.nginx,
    NOBODY,
    ...['connects', '127.0.0.4', 1000, 19_999, 100],
  )
  Object.assign(attackers, await fakeMasters(folder, startFake))
  attackers['setuid programs named nginx'] = await setuidTitles(folder, programs.fake, startFake)
  if (existsSync('/dev/fuse'))
    Object.assign(attackers, await silentFileSystems(folder, programs.silent, startFake))
  else lacking.push('/dev/fuse')
  attackers['forged segments'] = await startSpoofer(far.namespace, 'peer', FORGED_PORT, 'near')
  return { lacking, stop: () => stopAll(attackers) }
}

const asUser = (user: number): readonly string[] => [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--clear-groups',
]

async function stopAll(attackers: Readonly<Record<string, Attacker>>): Promise<Record<string, number>> {
  const did: Record<string, number> = {}
  for (const [name, attacker] of Object.entries(attackers)) {
    const times = await attacker.stop()
    if (typeof times === 'number') did[name] = times
  }
  return did
}

async function buildPrograms(folder: string) {
  const named = (name: string, program: string): string => {
    mkdirSync(join(folder, name))
    return join(folder, name, program)
  }
  const programs = {
    fake: named('fake', 'nginx'),
    nginx: named('attacker', 'nginx'),
    other: named('other', 'other'),
    silent: join(folder, 'silent'),
  }
  await buildStatic('neighbour.c', programs.fake)
  await buildStatic('attacker.c', programs.nginx)
  copyFileSync(programs.nginx, programs.other)
  await buildStatic('silent.c', programs.silent)
  return programs
}

type StartFake = (options: Partial<NeighbourOptions>) => Promise<Attacker>

/**
 * One fake master per hostile configuration; they end and restart one after the other. One more master has a valid
 * configuration.
 */
async function fakeMasters(folder: string, startFake: StartFake): Promise<Record<string, Attacker>> {
  const secret = join(folder, 'secret.conf')
  writeFileSync(secret, 'proxy_pass https://root-only;\n', { mode: 0o600 })
  const masters: NeighbourOptions[] = []
  for (const [what, make] of Object.entries(hostileConfigurations(folder, secret))) {
    const place = sharedFolder(folder, what.replaceAll(/\W/g, '-'))
    await make(place)
    masters.push(master(place, 8100 + masters.length))
  }
  const honest = sharedFolder(folder, 'honest')
  writeFileSync(join(honest, 'nginx.conf'), 'proxy_pass http://10.0.0.9;\n')
  return {
    // The port number of a backend, at another address.
    'master with a valid configuration': await startFake(master(honest, 9101)),
    'masters with hostile configurations': await takeTurns(masters, startFake),
  }
}

const master = (place: string, port: number): NeighbourOptions => ({
  program: join(place, '../fake/nginx'),
  args: ['-c', join(place, 'nginx.conf')],
  words: `listen=${port}`,
})

/** A folder that everybody can write to. */
function sharedFolder(folder: string, name: string): string {
  const place = join(folder, name)
  mkdirSync(place)
  chmodSync(place, 0o777)
  return place
}

async function takeTurns(masters: readonly NeighbourOptions[], startFake: StartFake): Promise<Attacker> {
  const running = await Promise.all(masters.map(startFake))
  let times = running.length
  const over = new AbortController()
  const turns = (async () => {
    for (let i = 0; !over.signal.aborted; i = (i + 1) % running.length, times++) {
      await running[i]!.stop()
      running[i] = await startFake(masters[i]!)
      await sleep(1000)
    }
  })()
  return {
    async stop() {
      over.abort()
      await turns
      for (const one of running) await one.stop()
      return times
    },
  }
}

async function setuidTitles(folder: string, program: string, startFake: StartFake): Promise<Attacker> {
  const place = sharedFolder(folder, 'setuid')
  const file = join(place, 'nginx')
  copyFileSync(program, file)
  chownSync(file, 0, 0)
  chmodSync(file, 0o4755)
  const args = ['-c', join(folder, 'secret.conf')]
  return combined([
    await startFake({ program: file, args, words: 'listen=8090' }),
    await startFake({ program: file, args, words: 'listen=8091 root' }),
  ])
}

async function silentFileSystems(
  folder: string,
  silent: string,
  startFake: StartFake,
): Promise<Record<string, Attacker>> {
  const mounts: Attacker[] = []
  const fakes: Attacker[] = []
  for (const [i, question] of (['lookup', 'read'] as const).entries()) {
    const place = sharedFolder(folder, `silent-${question}`)
    mounts.push(await mountSilent(silent, place, question))
    fakes.push(await startFake(master(place, 8092 + i)))
  }
  return { 'silent file systems': combined(mounts), 'masters there': combined(fakes) }
}

const combined = (attackers: readonly Attacker[]): Attacker => ({
  async stop() {
    for (const one of attackers) await one.stop()
    return attackers.length
  },
})
