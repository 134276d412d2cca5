import { closeSync, fchownSync, fstatSync, openSync, statSync, write, writeSync } from 'node:fs';
import { MAX_WAITING_BYTES, type Outlet, type OutletListener, RETRY_MS } from './outlet.ts';

/** Whose a file shall be that a process of root's makes. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

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

/** All that are open, for what waits when the process ends. */
const open = new Set<FileOutlet>();

let flushesAtExit = false;

/**
 * A file to which several processes append. Records are written whole: many that wait with one system call, and the
 * kernel puts each call's bytes at the file's end. Opening is synchronous, so that no descriptor comes and goes on another
 * thread (standard-streams.ts); writing is not, for a disk may be slow.
 */
export class FileOutlet implements Outlet {
  readonly #options: FileOptions;
  readonly #listener: OutletListener;
  #fd: number | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #writing = false;
  #stale = false;
  #failing = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FileOptions, listener: OutletListener) {
    this.#options = options;
    this.#listener = listener;
    open.add(this);
    if (!flushesAtExit) {
      flushesAtExit = true;
      process.on('exit', () => {
        for (const outlet of open) outlet.#flush();
      });
    }
    if (!options.delay) this.#attempt(() => this.#openAgain(options.truncate));
  }

  write(_: unknown, record: string | Buffer): void {
    const bytes = Buffer.from(record);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.#dropped += 1;
      if (!this.#failing) this.#fail('it takes records too slowly; some are lost');
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry === undefined) this.#writeNext();
  }

  /** Opens the file at its path, whatever lies there now. */
  reopen(): void {
    if (this.#fd === undefined) return;
    this.#stale = true;
    if (!this.#writing) this.#attempt(() => this.#current());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#writing) return;
    this.#flush();
    this.#release();
  }

  #writeNext(): void {
    if (this.#writing || this.#waiting.length === 0) return;
    const fd = this.#attempt(() => this.#current());
    if (fd === undefined) return;
    const bytes = this.#takeWaiting();
    this.#writing = true;
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      this.#writing = false;
      const rest = bytes.subarray(error ? 0 : written);
      if (rest.length > 0) {
        this.#waiting.unshift(rest);
        this.#waitingBytes += rest.length;
      }
      if (this.#closed) return this.close();
      if (error) return this.#tryLater(error);
      this.#recover();
      this.#writeNext();
    });
  }

  #takeWaiting(): Buffer {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return bytes;
  }

  #current(): number {
    if (this.#fd === undefined || this.#stale) return this.#openAgain();
    return this.#options.watched && this.#isMoved(this.#fd) ? this.#openAgain() : this.#fd;
  }

  /** Whether another file lies at its path. */
  #isMoved(fd: number): boolean {
    const there = statSync(this.#options.path, { throwIfNoEntry: false });
    const ours = fstatSync(fd);
    return there === undefined || there.dev !== ours.dev || there.ino !== ours.ino;
  }

  #openAgain(truncate = false): number {
    const { path, owner } = this.#options;
    const fd = openFile(path, owner, truncate);
    // Not before the other one is open: better an old file than none.
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = fd;
    this.#stale = false;
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
    this.#fail(reasonOf(error));
    if (this.#closed) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      if (this.#waiting.length > 0) return this.#writeNext();
      if (this.#attempt(() => this.#current()) !== undefined) this.#recover();
    }, RETRY_MS).unref();
  }

  #fail(reason: string): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#listener.failed(`${this.#options.path}: ${reason}`);
  }

  #recover(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#listener.recovered(this.#dropped);
    this.#dropped = 0;
  }

  /** There is no later time. */
  #flush(): void {
    if (this.#waiting.length === 0) return;
    try {
      const fd = this.#writing && this.#fd !== undefined ? this.#fd : this.#current();
      writeSync(fd, this.#takeWaiting());
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  #release(): void {
    open.delete(this);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Opens a file for appending. Where there is none it is made, and given to whoever shall write it later. */
export function openFile(path: string, owner: Owner | undefined, truncate = false): number {
  if (owner !== undefined) makeFor(owner, path);
  if (truncate) closeSync(openSync(path, 'w'));
  return openSync(path, 'a');
}

function makeFor({ uid, gid }: Owner, path: string): void {
  try {
    const fd = openSync(path, 'ax');
    fchownSync(fd, uid, gid);
    closeSync(fd);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

const REASONS = new Map([
  ['EACCES', 'permission denied'],
  ['EISDIR', 'this is a directory'],
  ['ENOENT', 'its directory does not exist'],
  ['ENOSPC', 'no space is left on the device'],
  ['EROFS', 'the file system is read-only'],
]);

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS.get(code) ?? (code || String(error));
}
