import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { DATAGRAMS } from './datagrams.ts';
import { escapeControls } from './entry.ts';
import { Outage } from './outage.ts';
import { type OutletListener, RETRY_MS } from './outlet.ts';
import { RecordQueue } from './record-queue.ts';
import type { Wire } from './syslog.ts';

/** How the records reach the socket. */
interface Carrier {
  readonly command: string;
  readonly args: readonly string[];
  framed(record: Buffer): Buffer;
}

/** Given to logger(1): a record that it took for two would be one of a client's making. */
const MAX_LINE = '16KiB';

/**
 * A Unix socket of datagrams such as /dev/log. Node has none, and the addon that has them is compiled where it is
 * installed; so another program sends them: Perl, which every Debian has, one datagram for each record. Where there is no
 * Perl it is logger(1), which writes a header of its own and takes each line for a record.
 */
export class UnixSyslog implements Wire {
  readonly #path: string;
  readonly #outage: Outage;
  readonly #queue = new RecordQueue();
  #carrier: Carrier;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #isFailing = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, listener: OutletListener) {
    this.#path = path;
    this.#outage = new Outage(listener);
    this.#carrier = isInstalled('perl') ? perl(path) : logger(path);
  }

  send(record: Buffer): void {
    if (!this.#queue.add(this.#carrier.framed(record))) this.#outage.drop(1);
    else {
      if (this.#child === undefined && this.#retry === undefined) this.#start();
      this.#pump();
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#pump();
    this.#child?.stdin.end();
    // It would try for as long as this process lives.
    if (this.#isFailing) this.#child?.kill('SIGKILL');
  }

  /** Gives the program as much as it takes; the rest waits here, where it is counted. */
  #pump(): void {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || stdin.writableNeedDrain) return;
    if (!this.#queue.isEmpty) stdin.write(this.#queue.take());
    if (!stdin.writableNeedDrain && !this.#isFailing) this.#outage.recover();
  }

  #start(): void {
    const { command, args } = this.#carrier;
    // Nothing of this process's environment is its business, and some of it is secret.
    const env = { PATH: process.env.PATH };
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env, cwd: '/' });
    this.#child = child;
    let isReady = false;
    child.stdin.on('error', () => {});
    child.stdin.on('drain', () => this.#pump());
    child.stdout.setEncoding('utf8').on('data', (said: string) => {
      for (const line of said.split('\n')) {
        if (line === 'ready') isReady = true;
        else if (line === 'recovered') this.#recovered();
        else if (line !== '') this.#failed(line.replace(/^failed /, ''));
      }
    });
    child.once('error', (error) => this.#ended(error.message));
    child.once('exit', (status, signal) => {
      if (!isReady && command === 'perl') this.#useLogger();
      this.#ended(`${command} ended with ${signal ?? status}`);
    });
    child.unref();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
  }

  /** A Perl without its sockets. */
  #useLogger(): void {
    this.#carrier = logger(this.#path);
    this.#queue.take();
  }

  #recovered(): void {
    this.#isFailing = false;
    this.#pump();
  }

  #failed(reason: string): void {
    this.#isFailing = true;
    this.#outage.fail(`syslog at ${this.#path}: ${reason}`);
  }

  #ended(reason: string): void {
    if (this.#child === undefined || this.#closed) return;
    this.#child = undefined;
    this.#isFailing = false;
    this.#outage.fail(`syslog at ${this.#path}: ${reason}`);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      if (!this.#queue.isEmpty) this.#start();
      this.#pump();
    }, RETRY_MS).unref();
  }
}

const perl = (path: string): Carrier => ({
  command: 'perl',
  args: ['-MErrno', '-e', DATAGRAMS, path, String(process.pid)],
  framed(record) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(record.length);
    return Buffer.concat([length, record]);
  },
});

const logger = (path: string): Carrier => ({
  command: 'logger',
  args: ['--socket', path, '--socket-errors=on', '--size', MAX_LINE, '--prio-prefix', '--tag', 'statelessd', '--id'],
  framed: (record) => Buffer.from(`${escapeControls(record.toString().replace(/\0$/, ''))}\n`),
});

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
