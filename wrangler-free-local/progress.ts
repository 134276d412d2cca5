const EVERY_MS = 5_000;

/** One line for whoever watches the start. Standard output is kept for what is to be pasted. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Says what is being done, and every few seconds that it still is. */
export async function doing<T>(what: string, work: Promise<T>): Promise<T> {
  const begin = performance.now();
  const seconds = () => Math.round((performance.now() - begin) / 1_000);
  say(`${what} …`);
  const timer = setInterval(() => say(`${what} … ${seconds()} s`), EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
