import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Outage } from './outage.ts';
import { codeOf, FULL_MS, type OutletListener, RETRY_MS, reasonOf } from './outlet.ts';
import { RecordQueue } from './record-queue.ts';
import { writeWhole } from './write-whole.ts';

/** Where a process writes what nobody says anything about. */
export interface StandardOutputs {
  readonly stdout: StandardOutput;
  readonly stderr: StandardOutput;
}

/** @param isTTY whether somebody looks at standard error, where this process cannot see that itself */
export const openStandardOutputs = (isTTY?: boolean): StandardOutputs => ({
  stdout: new StandardOutput(1),
  stderr: new StandardOutput(2, isTTY),
});

/** A reader that reads makes room in so long. One that does not is asked less often, in the end every FULL_MS. */
const FIRST_FULL_MS = 1;

/** How long an exit waits for a reader that is behind. */
const LAST_WORDS_MS = 500;

/** How a descriptor is written without waiting for a reader, or for a disk. */
interface Way {
  readonly fd: number;
  /** A write to a disk may take long, so another thread does it. All other writes return at once. */
  readonly isFile: boolean;
}

/**
 * Standard output or error. Node's own streams cannot be used: they keep all that a reader does not take, and an error of
 * theirs that nobody hears ends the process.
 */
export class StandardOutput {
  readonly name: string;
  readonly isTTY: boolean;
  readonly #way: Way;
  readonly #queue = new RecordQueue();
  readonly #outage: Outage;
  /** Who is told how it fares. */
  listener: OutletListener | undefined;
  #isWriting = false;
  #fullMs = FIRST_FULL_MS;
  #isScheduled = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(fd: 1 | 2, isTTY = isatty(fd)) {
    this.name = fd === 1 ? 'standard output' : 'standard error';
    this.isTTY = isTTY;
    this.#way = wayTo(fd);
    this.#outage = new Outage({
      failed: (reason) => this.listener?.failed(reason),
      recovered: (dropped) => this.listener?.recovered(dropped),
      dropped: (records) => this.listener?.dropped(records),
    });
    process.on('exit', () => this.#flush());
  }

  get isFile(): boolean {
    return this.#way.isFile;
  }

  /** @param bytes whole records */
  write(bytes: Buffer, records = 1): void {
    if (!this.#queue.add(bytes)) this.#outage.drop(records);
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting || this.#retry !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#writeNext();
    });
  }

  #writeNext(): void {
    if (this.#isWriting || this.#queue.isEmpty) return;
    const { fd, isFile } = this.#way;
    const bytes = this.#queue.take();
    if (!isFile) {
      try {
        this.#written(bytes, writeSync(fd, bytes), null);
      } catch (error) {
        this.#written(bytes, 0, error);
      }
      return;
    }
    this.#isWriting = true;
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      this.#isWriting = false;
      this.#written(bytes, error ? 0 : written, error);
    });
  }

  #written(bytes: Buffer, written: number, error: unknown): void {
    this.#queue.putBack(bytes.subarray(written));
    if (written > 0) this.#fullMs = FIRST_FULL_MS;
    if (error) this.#tryLater(error);
    else if (this.#queue.isEmpty) this.#outage.recover();
    else this.#writeNext();
  }

  #tryLater(error: unknown): void {
    // EBADF: the file is being replaced (standard-streams.ts).
    const soon = ['EAGAIN', 'EBADF'].includes(codeOf(error));
    if (!soon) this.#outage.fail(`${this.name}: ${reasonOf(error)}`);
    this.#retry ??= setTimeout(
      () => {
        this.#retry = undefined;
        this.#writeNext();
      },
      soon ? this.#fullMs : RETRY_MS,
    ).unref();
    if (soon) this.#fullMs = Math.min(2 * this.#fullMs, FULL_MS);
  }

  /** There is no later time. */
  #flush(): void {
    const { fd } = this.#way;
    const until = performance.now() + LAST_WORDS_MS;
    while (!this.#queue.isEmpty && writeWhole(fd, this.#queue.take(), until));
  }
}

/**
 * A descriptor that is shared with the shell and its other programs must not become non-blocking, for it would for them,
 * too. The kernel opens a pipe or a terminal a second time under the name of the descriptor, with flags of its own. A
 * socket, and what belongs to another user, it does not; that one has Node's own treatment, which makes it non-blocking.
 */
function wayTo(fd: 1 | 2): Way {
  const found = fstatSync(fd);
  if (found.isFile()) return { fd, isFile: true };
  try {
    if (!found.isSocket()) {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return { fd: openSync(`/proc/self/fd/${fd}`, flags), isFile: false };
    }
  } catch {
    // Without /proc, or without the right to it.
  }
  const stream = fd === 1 ? process.stdout : process.stderr;
  stream.on('error', () => {});
  return { fd, isFile: false };
}
