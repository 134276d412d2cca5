import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import { MAX_WAITING_BYTES, type OutletListener, RETRY_MS } from './outlet.ts';

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

/** Until a full pipe is tried again. */
const FULL_MS = 20;

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
  #fd: number | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #writing = false;
  /** Whether it is to be opened again. */
  #stale = false;
  /** Whether it could not be. */
  #astray = false;
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

  /** @param bytes whole records */
  write(bytes: Buffer): void {
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
    if (!isFull) this.#fail(reasonOf(error));
    if (this.#closed) return;
    const again = (): void => {
      this.#retry = undefined;
      if (this.#waiting.length > 0) this.#writeNext();
      else if (this.#attempt(() => this.#current()) !== undefined) this.#recover();
    };
    this.#retry ??= setTimeout(again, isFull ? FULL_MS : RETRY_MS).unref();
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

/** Without waiting for somebody to read, if it is a named pipe. */
const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** Opens a file for appending. Where there is none it is made, and given to whoever shall write it later. */
export function openFile(path: string, owner: Owner | undefined, truncate = false): number {
  if (owner !== undefined) makeFor(owner, path);
  const fd = openSync(path, APPENDING);
  if (truncate && fstatSync(fd).isFile()) ftruncateSync(fd);
  return fd;
}

function makeFor({ uid, gid }: Owner, path: string): void {
  try {
    const fd = openSync(path, 'ax');
    fchownSync(fd, uid, gid);
    closeSync(fd);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

const REASONS = new Map([
  ['EACCES', 'permission denied'],
  ['EISDIR', 'this is a directory'],
  ['ENOENT', 'its directory does not exist'],
  ['ENXIO', 'nobody reads it'],
  ['EPIPE', 'nobody reads it any more'],
  ['ENOSPC', 'no space is left on the device'],
  ['EROFS', 'the file system is read-only'],
]);

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return REASONS.get(code) ?? (code || String(error));
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
