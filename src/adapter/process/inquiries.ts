/** Questions asked of another process by message, told apart by number. */
export class Inquiries<Answer> {
  readonly #open = new Map<number, (answer: Answer) => void>();
  #last = 0;

  /** Those without an answer yet. */
  get open(): number {
    return this.#open.size;
  }

  /** Resolves to the answer, or to undefined where none comes within so many milliseconds. */
  ask(send: (id: number) => void, withinMs: number): Promise<Answer | undefined> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#open.delete(id);
        resolve(undefined);
      }, withinMs);
      this.#open.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      send(id);
    });
  }

  /** An answer has come, in time or not. */
  settle(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}
