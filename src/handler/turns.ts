/** Work in one go for so long, in milliseconds; others on the same event loop wait meanwhile. */
const SLICE_MS = 10;

/** Bytes or characters that are worked on between two looks at the clock; what has no more is done in one go. */
export const LONG = 65_536;

/** Long work in slices, between which everybody else has a turn of the event loop. */
export class Turns {
  #startedAt = performance.now();

  /** It is somebody else's turn. */
  get due(): boolean {
    return performance.now() - this.#startedAt > SLICE_MS;
  }

  async next(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.#startedAt = performance.now();
  }
}

/** Work of which one piece is done at a time, in the order in which it was asked for. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
