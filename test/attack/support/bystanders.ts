import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';

/** How many honest clients there are, and how often each of them posts. */
export const CLIENTS = 20;
export const INTERVAL_MS = 125;

const MAX_WARM_UP_MS = 10_000;

/** Who the honest clients are, and where they post to. */
export const HONEST = v.object({
  /** The port of the gateway that is attacked. */
  attacked: v.number(),
  /** The port of one that has the same clients, and is not. */
  control: v.number(),
  segment: v.string(),
  users: v.array(v.object({ username: v.string(), password: v.string() })),
});

const OF = v.picklist(['attacked', 'control']);
export type Of = v.InferOutput<typeof OF>;

const POST = v.object({
  of: OF,
  id: v.string(),
  /** When it was sent, as Date.now() has it. */
  at: v.number(),
  milliseconds: v.number(),
  /** 0: no answer came. */
  status: v.number(),
  error: v.string(),
});
export type HonestPost = v.InferOutput<typeof POST>;

const PROBE = v.object({
  of: OF,
  at: v.number(),
  /** Until a 200; as long as the prober waits, where none came. */
  milliseconds: v.number(),
});
export type Probe = v.InferOutput<typeof PROBE>;

export interface Seen {
  readonly posts: readonly HonestPost[];
  readonly probes: readonly Probe[];
}

/** Those who use the gateway while it is attacked: honest clients, and somebody who asks how it does. */
export class Bystanders {
  readonly #honest: ChildProcess;
  readonly #prober: ChildProcess;

  private constructor(honest: ChildProcess, prober: ChildProcess) {
    this.#honest = honest;
    this.#prober = prober;
  }

  static async start(who: v.InferOutput<typeof HONEST>): Promise<Bystanders> {
    const honest = start('honest.ts', JSON.stringify(who));
    const prober = start('prober.ts', JSON.stringify(who));
    await Promise.all([once(honest, 'message'), once(prober, 'message')]);
    return new Bystanders(honest, prober);
  }

  /** Resolves when both gateways serve their clients at the rate that is meant, or will not. */
  async warm(): Promise<void> {
    const over = new AbortController();
    const told = once(this.#honest, 'message', { signal: over.signal });
    told.catch(() => {});
    await Promise.race([told, delay(MAX_WARM_UP_MS)]);
    over.abort();
  }

  /** Lets each have its last answer. */
  async stop(): Promise<Seen> {
    const [posts, probes] = await Promise.all([report(this.#honest), report(this.#prober)]);
    return { posts: v.parse(v.array(POST), posts), probes: v.parse(v.array(PROBE), probes) };
  }
}

/** A file of this folder as a process of its own. */
export function start(file: string, ...args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [...args], { execArgv: ['--import', 'tsx'] });
}

async function report(child: ChildProcess): Promise<unknown> {
  child.send('stop');
  for (;;) {
    const [message]: unknown[] = await once(child, 'message');
    if (message !== 'warm') return message;
  }
}
