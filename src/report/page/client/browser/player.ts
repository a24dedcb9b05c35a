/** Plays: a step at a time, five per second. It only moves because somebody asked for it, also with reduced motion. */
const PACE = 200

export class Player {
  #timer = 0

  constructor(
    readonly onStep: () => boolean,
    readonly onChange: (isPlaying: boolean) => void,
  ) {}

  get isPlaying(): boolean {
    return this.#timer !== 0
  }

  toggle(): void {
    if (this.isPlaying) {
      this.stop()
      return
    }
    this.#timer = window.setInterval(() => {
      if (!this.onStep()) this.stop()
    }, PACE)
    this.onChange(true)
  }

  stop(): void {
    if (!this.isPlaying) return
    clearInterval(this.#timer)
    this.#timer = 0
    this.onChange(false)
  }
}
