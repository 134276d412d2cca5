import { closeSync, fstatSync, statSync, write, writeSync } from 'node:fs';
import { type Owner, openFile } from './log-file.ts';
import { Outage } from './outage.ts';
import { codeOf, FULL_MS, type OutletListener, RETRY_MS, reasonOf } from './outlet.ts';
import { RecordQueue } from './record-queue.ts';

export interface FileOptions {
  readonly path: string;
  /** Whether it is opened anew when another file lies at its path, or none. */
  readonly watched: boolean;
  /** Whether it is opened with the first record. */
  readonly delay: boolean;
  /** Whether what is in it goes. */
  readonly truncate: boolean;
  readonly owner: Owner | undefined;
}

/** What the kernel writes to a pipe as one, whoever else writes there: PIPE_BUF of Linux. */
const WHOLE_IN_A_PIPE = 4096;

/** All that are open, for what waits when the process ends. */
const open = new Set<FileOutlet>();

let flushesAtExit = false;

/**
 * A file to which several processes append. Records are written whole: many that wait with one system call, and the
 * kernel puts each call's bytes at the file's end. Opening is synchronous, so that no descriptor comes and goes on another
 * thread (standard-streams.ts); writing is not, for a disk may be slow.
 */
export class FileOutlet {
  readonly #options: FileOptions;
  readonly #listener: OutletListener;
  readonly #outage: Outage;
  readonly #queue = new RecordQueue();
  #fd: number | undefined;
  /** Bytes that a write may have. */
  #atOnce = WHOLE_IN_A_PIPE;
  #writing = false;
  /** Whether it is to be opened again. */
  #stale = false;
  /** Whether it could not be. */
  #astray = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FileOptions, listener: OutletListener) {
    this.#options = options;
    this.#listener = listener;
    this.#outage = new Outage(listener);
    open.add(this);
    if (!flushesAtExit) {
      flushesAtExit = true;
      process.on('exit', () => {
        for (const outlet of open) outlet.#flush();
      });
    }
    if (!options.delay) this.#attempt(() => this.#openAgain(options.truncate));
  }

  /** @param bytes whole records */
  write(bytes: Buffer): void {
    if (!this.#queue.add(bytes)) this.#outage.drop(1);
    else if (this.#retry === undefined) this.#writeNext();
  }

  /** Opens the file at its path, whatever lies there now. */
  reopen(): void {
    if (this.#fd === undefined) return;
    this.#stale = true;
    if (!this.#writing) this.#attempt(() => this.#current());
  }

  /** What waits is still written. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#writing) return;
    this.#flush();
    this.#release();
  }

  #writeNext(): void {
    if (this.#writing || this.#queue.isEmpty) return;
    const fd = this.#attempt(() => this.#current());
    if (fd === undefined) return;
    const bytes = this.#queue.take(this.#atOnce);
    this.#writing = true;
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      this.#writing = false;
      this.#queue.putBack(bytes.subarray(error ? 0 : written));
      if (this.#closed) return this.close();
      if (error) return this.#tryLater(error);
      if (this.#queue.isEmpty) this.#outage.recover();
      this.#writeNext();
    });
  }

  #current(): number {
    if (this.#fd === undefined) return this.#openAgain();
    if (!this.#stale && !(this.#options.watched && this.#isMoved(this.#fd))) return this.#fd;
    try {
      return this.#openAgain();
    } catch (error) {
      // Better in the file that was moved than nowhere.
      if (!this.#astray) this.#listener.failed(`${this.#options.path}: ${reasonOf(error)}; the moved file is written`);
      this.#astray = true;
      return this.#fd;
    }
  }

  /** Whether another file lies at its path. */
  #isMoved(fd: number): boolean {
    const ours = fstatSync(fd);
    try {
      const there = statSync(this.#options.path, { throwIfNoEntry: false });
      return there?.dev !== ours.dev || there.ino !== ours.ino;
    } catch {
      return false;
    }
  }

  #openAgain(truncate = false): number {
    const { path, owner } = this.#options;
    const fd = openFile(path, owner, truncate);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = fd;
    this.#atOnce = fstatSync(fd).isFile() ? Number.POSITIVE_INFINITY : WHOLE_IN_A_PIPE;
    this.#stale = false;
    if (this.#astray) this.#listener.recovered(0);
    this.#astray = false;
    return fd;
  }

  #attempt<Result>(step: () => Result): Result | undefined {
    try {
      return step();
    } catch (error) {
      this.#tryLater(error);
      return undefined;
    }
  }

  #tryLater(error: unknown): void {
    // A pipe whose reader is slower than we are, which is no failure until too much waits.
    const isFull = codeOf(error) === 'EAGAIN';
    if (!isFull) this.#outage.fail(`${this.#options.path}: ${reasonOf(error)}`);
    if (this.#closed) return;
    const again = (): void => {
      this.#retry = undefined;
      if (!this.#queue.isEmpty) this.#writeNext();
      else if (this.#attempt(() => this.#current()) !== undefined) this.#outage.recover();
    };
    this.#retry ??= setTimeout(again, isFull ? FULL_MS : RETRY_MS).unref();
  }

  /** There is no later time. */
  #flush(): void {
    try {
      while (!this.#queue.isEmpty) {
        const fd = this.#writing && this.#fd !== undefined ? this.#fd : this.#current();
        const bytes = this.#queue.take(this.#atOnce);
        this.#queue.putBack(bytes.subarray(writeSync(fd, bytes)));
      }
    } catch (error) {
      this.#outage.fail(`${this.#options.path}: ${reasonOf(error)}`);
    }
  }

  #release(): void {
    open.delete(this);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
