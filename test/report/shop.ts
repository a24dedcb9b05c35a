/** A minute of a gRPC backend beside one of HTTP/1: UNAVAILABLE behind 200s from the 20th second to the 35th. */
import type { Recording } from '../../src/frame/model/recording.ts'
import { addMicros } from '../../src/frame/model/units.ts'
import { backend, frame, recording, route, START } from './fake.ts'

export const CART = backend('10.0.1.20:50051', { names: ['shop'] })
export const WEB = backend('10.0.1.10:8080')
export const ADD = route('POST', '/shop.Cart/Add')
export const GET = route('POST', '/shop.Cart/Get')

export const SECONDS = 60
const isBurst = (second: number): boolean => second >= 20 && second < 35
/** Per second 20 `Add`, of which 8 are UNAVAILABLE in the burst, and 10 `Get`, of which one is NOT_FOUND every tenth second. */
export const UNAVAILABLE = 15 * 8
export const NOT_FOUND = SECONDS / 10
export const ENDED = SECONDS * 30

export function shop(): Recording {
  const frames = Array.from({ length: SECONDS }, (_, second) => {
    const missing = second % 10 === 0 ? 1 : 0
    return frame(
      second,
      addMicros(START, second * 1e6),
      [
        {
          backend: CART,
          route: ADD,
          times: Array<number>(20).fill(2000),
          grpc: isBurst(second) ? [0, 12, 14, 8] : [0, 20],
        },
        {
          backend: CART,
          route: GET,
          times: Array<number>(10).fill(1000),
          grpc: missing === 0 ? [0, 10] : [0, 9, 5, 1],
        },
        { backend: WEB, route: route('GET', '/'), times: [900, 1000, 1100, 1200, 1300] },
      ],
      { connections: [{ backend: CART, counts: { h2Requests: 30, grpcRequests: 30 } }] },
    )
  })
  return recording(frames)
}

/** The same by a recorder that cannot know it. */
export const unknownShop = (): Recording =>
  recording(
    Array.from({ length: 3 }, (_, second) =>
      frame(second, addMicros(START, second * 1e6), [
        { backend: CART, route: ADD, times: [2000], grpc: null },
      ]),
    ),
  )
