import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect } from 'vitest';

/** Prints each datagram as a line, in hexadecimal. Perl, for Node has no such sockets, and every Debian has it. */
const PROGRAM = `
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
unlink $ARGV[0];
bind($socket, pack_sockaddr_un($ARGV[0])) or die $!;
$| = 1;
print "\\n";
while (defined recv($socket, my $datagram, 65536, 0)) { print unpack("H*", $datagram), "\\n" }
`;

/** A datagram socket as /dev/log is one, with each datagram as it came. */
export class DatagramReceiver {
  readonly socket: string;
  readonly datagrams: Buffer[] = [];
  readonly #directory: string;
  #perl: ChildProcessByStdio<null, Readable, null> | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
    this.socket = join(directory, 'log');
  }

  static async start(): Promise<DatagramReceiver> {
    const receiver = new DatagramReceiver(await mkdtemp(join(tmpdir(), 'statelessd-datagrams-')));
    await receiver.listen();
    return receiver;
  }

  /** Also again, after an end. */
  async listen(): Promise<void> {
    const perl = spawn('perl', ['-e', PROGRAM, this.socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#perl = perl;
    createInterface(perl.stdout).on('line', (line) => {
      if (line !== '') this.datagrams.push(Buffer.from(line, 'hex'));
    });
    await once(perl.stdout, 'data');
  }

  /** Those that have a text in them. */
  with(text: string): readonly string[] {
    return this.datagrams.map(String).filter((datagram) => datagram.includes(text));
  }

  async has(text: string, times = 1): Promise<void> {
    await expect.poll(() => this.with(text).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(times);
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#perl?.kill(name);
  }

  async end(): Promise<void> {
    if (!this.#perl) return;
    const exited = once(this.#perl, 'exit');
    this.#perl.kill('SIGKILL');
    await exited;
    this.#perl = undefined;
  }

  async close(): Promise<void> {
    await this.end();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
