/** Labels of network namespaces: control group paths as runtimes and systemd make them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namespaceLabel, type NamespaceFacts } from '../../src/record/namespace-label.ts'

const ID = '3f1c9a77b2e4d0865a1f3f1c9a77b2e4d0865a1f3f1c9a77b2e4d0865a1f3f1c'
const OUTER = 'ffffffffffff'.padEnd(64, '0')
const UID = '0f3d5a7b-1c2d-4e5f-8a9b-0c1d2e3f4a5b'
const UID_ = UID.replaceAll('-', '_')
const STATIC = '6ef2f9fa0c1d2e3f4a5b6c7d8e9f0a1b'
const SHORT = '3f1c9a77b2e4'
const ROOTLESS = '/user.slice/user-1000.slice/user@1000.service/user.slice'

const PATHS: Readonly<Record<string, readonly (readonly [path: string, label: string | null])[]>> = {
  Docker: [
    [`/docker/${ID}`, SHORT],
    [`/system.slice/docker-${ID}.scope`, SHORT],
    [`/system.slice/docker-${ID}.scope/system.slice/nginx.service`, SHORT],
    [`${ROOTLESS}/docker-${ID}.scope`, SHORT],
    [`/web.slice/docker-${ID}.scope`, SHORT],
    [`/my-parent/${ID}`, SHORT],
    [`/system.slice:docker:${ID}`, SHORT],
    [`/docker/${OUTER}/docker/${ID}`, SHORT],
    [`/system.slice/docker-${OUTER}.scope/docker/${ID}`, SHORT],
    [`/docker/${OUTER}/system.slice/docker-${ID}.scope`, SHORT],
    [`/docker/${ID} (deleted)`, SHORT],
    [`/../../docker/${ID}`, SHORT],
  ],
  containerd: [
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_}.slice/cri-containerd-${ID}.scope`,
      SHORT,
    ],
    [`/kubepods.slice/kubepods-pod${UID_}.slice/cri-containerd-${ID}.scope`, SHORT],
    [`/kubepods/burstable/pod${UID}/${ID}`, SHORT],
    [`/kubepods/pod${UID}/${ID}`, SHORT],
    [`/system.slice/containerd.service/kubepods-burstable-pod${UID_}.slice:cri-containerd:${ID}`, SHORT],
    [`/system.slice:containerd:${ID}`, SHORT],
    [`/system.slice/nerdctl-${ID}.scope`, SHORT],
    [
      `/docker/${OUTER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UID_}.slice/cri-containerd-${ID}.scope`,
      SHORT,
    ],
  ],
  'CRI-O': [
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UID_}.slice/crio-${ID}.scope`,
      SHORT,
    ],
    [`/kubepods.slice/kubepods-pod${UID_}.slice/crio-${ID}.scope/container`, SHORT],
    [`/kubepods.slice/kubepods-pod${UID_}.slice/crio-conmon-${ID}.scope`, SHORT],
    [`/kubepods/besteffort/pod${UID}/crio-${ID}`, SHORT],
  ],
  podman: [
    [`/machine.slice/libpod-${ID}.scope`, SHORT],
    [`/machine.slice/libpod-${ID}.scope/container`, SHORT],
    [`${ROOTLESS}/libpod-${ID}.scope/container`, SHORT],
    [`/machine.slice/machine-libpod_pod_${OUTER}.slice/libpod-${ID}.scope`, SHORT],
    [`/libpod_parent/libpod-${ID}`, SHORT],
    [`/libpod-payload-${ID}`, SHORT],
    [`/machine.slice/libpod-conmon-${ID}.scope`, SHORT],
  ],
  'Kubernetes pods without a container': [
    [`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_}.slice`, UID],
    [`/kubepods/besteffort/pod${UID}`, UID],
    [`/kubepods/burstable/pod${STATIC}`, STATIC],
    [`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${STATIC}.slice`, STATIC],
    [`/kubepods.slice/kubepods-burstable.slice`, null],
    ['/kubepods/burstable', null],
  ],
  ECS: [
    [`/ecs/0f3d5a7b1c2d4e5f8a9b0c1d2e3f4a5b/${ID}`, SHORT],
    ['/ecs/0f3d5a7b1c2d4e5f8a9b0c1d2e3f4a5b/0f3d5a7b1c2d4e5f8a9b0c1d2e3f4a5b-1234567890', '0f3d5a7b1c2d'],
  ],
  LXC: [
    ['/lxc/web', 'web'],
    ['/lxc/101/ns/system.slice/nginx.service', '101'],
    ['/lxc.payload.web', 'web'],
    ['/lxc.payload.web-1.example/init.scope', 'web-1.example'],
    ['/lxc.payload/web/system.slice/nginx.service', 'web'],
    ['/lxc.monitor.web', 'web'],
    [`/lxc/web/docker/${ID}`, SHORT],
    ['/lxc', null],
  ],
  'systemd-nspawn': [
    ['/machine.slice/machine-web.scope', 'web'],
    ['/machine.slice/machine-web\\x2d1.scope/payload/system.slice/nginx.service', 'web-1'],
    ['/machine.slice/machine-caf\\xc3\\xa9.scope', 'café'],
    ['/machine.slice/systemd-nspawn@web\\x2d1.service/payload', 'web-1'],
  ],
  'systemd units': [
    ['/system.slice/nginx.service', 'nginx.service'],
    ['/system.slice/system-nginx.slice/nginx@web.service', 'nginx@web.service'],
    ['/system.slice/nginx.service/workers', 'nginx.service'],
    ['/user.slice/user-1000.slice/session-3.scope', 'session-3.scope'],
    ['/user.slice/user-1000.slice/user@1000.service/app.slice/app-proxy.scope', 'app-proxy.scope'],
    ['/web.slice', 'web.slice'],
    ['/system.slice', null],
    ['/user.slice/user-1000.slice', null],
  ],
  'what tells nothing': [
    ['', null],
    ['/', null],
    ['/a/b', null],
    [`/${'a'.repeat(63)}`, null],
    [`/x${ID}`, null],
  ],
}

for (const [what, cases] of Object.entries(PATHS))
  test(`${what}: the label of each path`, () => {
    for (const [cgroup, label] of cases) assert.equal(namespaceLabel({ cgroup }), label, cgroup)
  })

test('a name of ip netns goes first, one that a container runtime gave last', () => {
  const cgroup = `/docker/${ID}`
  const cases: readonly (readonly [NamespaceFacts, string | null])[] = [
    [{ names: ['web'], cgroup }, 'web'],
    [{ names: ['web'], host: true }, 'web'],
    [{ names: [`cni-${UID}`, 'web'], cgroup }, 'web'],
    [{ names: [`cni-${UID}`], cgroup }, SHORT],
    [{ names: [`netns-${UID}`], cgroup }, SHORT],
    [{ names: [UID], cgroup }, SHORT],
    [{ names: [`cni-${UID}`] }, `cni-${UID}`],
    [{ names: [`qrouter-${UID}`], cgroup: '/system.slice/neutron.service' }, `qrouter-${UID}`],
    [{ host: true, cgroup: '/system.slice/nginx.service' }, 'host'],
    [{}, null],
  ]
  for (const [facts, label] of cases) assert.equal(namespaceLabel(facts), label, JSON.stringify(facts))
})
