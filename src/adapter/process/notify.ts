import { execFile } from 'node:child_process';
import type { Log } from '../../handler/log.ts';

/** A notification that takes longer has failed. */
const TIMEOUT_MS = 5_000;

/**
 * Tells systemd how far this program is (sd_notify(3)), if it was started by one that wants to know. Node has no Unix
 * datagram sockets, and the addons that have them are compiled where they are installed; so systemd-notify(1) speaks for
 * us, which is wherever systemd is. It is a process of its own, hence the unit's NotifyAccess=all, and it needs no --pid:
 * the main process is the one that systemd started.
 */
export class Notifier {
  readonly #wanted: boolean;
  /** What systemd-notify needs to know of ours; some of the rest is secret. */
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: Log;
  /** One after the other, for systemd takes them in the order in which they come. */
  #sent: Promise<void> = Promise.resolve();
  #stopping = false;
  #complained = false;

  constructor(env: NodeJS.ProcessEnv, log: Log) {
    this.#wanted = Boolean(env.NOTIFY_SOCKET);
    this.#env = { PATH: env.PATH, NOTIFY_SOCKET: env.NOTIFY_SOCKET };
    this.#log = log;
  }

  /** @param status for people: `systemctl status` shows it */
  ready(status: string): void {
    this.#tell('READY=1', `STATUS=${status.replaceAll(/\s*\n\s*/g, '; ')}`);
  }

  reloading(): void {
    // Which Type=notify-reload compares with its own clock; libuv's is the same, CLOCK_MONOTONIC.
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** The last word, whatever may follow. */
  stopping(): void {
    this.#tell('STOPPING=1', 'STATUS=finishing what is in flight');
    this.#stopping = true;
  }

  /** Resolves when all that was to be told has been, or has failed. */
  get told(): Promise<void> {
    return this.#sent;
  }

  #tell(...variables: readonly string[]): void {
    if (!this.#wanted || this.#stopping) return;
    this.#sent = this.#sent.then(() => this.#send(variables));
  }

  #send(variables: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      const options = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', env: this.#env } as const;
      execFile('systemd-notify', ['--', ...variables], options, (error) => {
        if (error && !this.#complained) {
          this.#complained = true;
          this.#log('warning', 'systemd cannot be told how far this program is', { reason: error.message });
        }
        resolve();
      });
    });
  }
}
