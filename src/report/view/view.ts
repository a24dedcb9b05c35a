/** `view`: recordings as a page that asks for what it shows. */
import type { View } from './asking.ts'
import { answerOf } from './endpoints/endpoints.ts'
import type { Address } from './http/listen.ts'
import { serve, type ViewServer } from './http/server.ts'
import { Served, type Source } from './served.ts'
import { pageFiles } from './shell.ts'

export interface ViewOptions extends Omit<View, 'sides'> {
  /** what is no fault of whoever asked */
  readonly onBug: (error: unknown) => void
}

/** @param sources one, or two that are shown side by side @throws UserError (exit 4) when it cannot listen */
export async function serveView(
  sources: readonly Source[],
  address: Address,
  { onBug, ...options }: ViewOptions,
): Promise<ViewServer> {
  const view: View = { ...options, sides: sources.map((source) => new Served(source)) }
  const files = pageFiles()
  const server = await serve(address, (granted, stop) => answerOf(view, files, granted, stop), onBug)
  return {
    url: server.url,
    close: () => {
      server.close()
      for (const side of view.sides) side.close()
    },
  }
}
