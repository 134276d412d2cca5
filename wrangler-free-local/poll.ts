import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is true or the time is up; tells which. */
export async function pollUntil(
  ask: () => Promise<boolean>,
  { everyMs = 25, withinMs }: { readonly everyMs?: number; readonly withinMs: number },
): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    if (await ask()) return true;
    await sleep(everyMs);
  }
  return false;
}
