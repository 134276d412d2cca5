import type { Log } from '../../handler/log.ts';
import { LoginFrames } from './login-frames.ts';

export interface BrokerHost {
  readonly host: string;
  readonly port: number;
}

export interface UnreachableHost extends BrokerHost {
  /** Why the last attempt failed, for operators. */
  readonly cause: string;
}

/** How far an attempt came: a probe that goes as far as the network says nothing of the handshake. */
type Stage = 'network' | 'handshake';

/** A reason for which the broker refuses connections is told again after so long. */
const TELL_AGAIN_MS = 60_000;

const MAX_REASONS = 100;

/** What is known of RabbitMQ's hosts: which of them cannot be reached, and why. It is told when it changes. */
export class BrokerHosts {
  readonly all: readonly BrokerHost[];
  readonly loginFrames = new LoginFrames();
  readonly #log: Log;
  readonly #failures = new Map<BrokerHost, { readonly stage: Stage; readonly cause: string }>();
  /** Words in which the broker refused a connection for its limits, and when that was told. */
  readonly #limits = new Map<string, number>();

  constructor(hosts: readonly BrokerHost[], log: Log) {
    this.all = hosts;
    this.#log = log;
  }

  /** Those to which the last attempt to connect failed. */
  get unreachable(): UnreachableHost[] {
    return this.all.flatMap((host) => {
      const failure = this.#failures.get(host);
      return failure ? { ...host, cause: failure.cause } : [];
    });
  }

  failed(host: BrokerHost, stage: Stage, cause: string): void {
    const before = this.#failures.get(host);
    this.#failures.set(host, { stage, cause });
    if (before?.cause !== cause) this.#log('warning', 'RabbitMQ cannot be reached', { ...host, cause });
  }

  /** An attempt came as far as this stage, or through it. */
  reached(host: BrokerHost, stage: Stage): void {
    const failure = this.#failures.get(host);
    if (!failure || (stage === 'network' && failure.stage === 'handshake')) return;
    this.#failures.delete(host);
    this.#log('warning', 'RabbitMQ can be reached again', { ...host });
  }

  /** The broker refused a connection for its limits. */
  limited(host: BrokerHost, detail: string): void {
    const now = performance.now();
    const toldAt = this.#limits.get(detail);
    if (toldAt !== undefined && now - toldAt < TELL_AGAIN_MS) return;
    if (this.#limits.size >= MAX_REASONS) this.#limits.clear();
    this.#limits.set(detail, now);
    this.#log('warning', 'RabbitMQ accepts no more connections', { ...host, detail });
  }
}
