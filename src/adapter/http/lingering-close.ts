import type { Duplex } from 'node:stream';
import { OneATurn } from './one-a-turn.ts';

/** How long what a client still sends is discarded: in all, and after its last byte. */
const TOTAL_MS = 30_000;
const QUIET_MS = 5_000;

/** Beyond so many connections at once, clients are given less time, for each holds a descriptor and costs bandwidth. */
const MAX_PATIENT = 512;
const IMPATIENT_MS = 2_000;

/**
 * Closes connections so that their clients can read the last answer. Closing at once would make the kernel reset the
 * connection for the bytes that nobody reads, and the reset discards the answer too (nginx: `lingering_close`).
 */
export class LingeringCloses {
  readonly #reads = new OneATurn();
  #open = 0;

  /**
   * Ends our side of a connection, and discards what comes on the other one until it ends, too.
   *
   * @param last what is written before the end
   */
  end(socket: Duplex, last?: string): void {
    const patient = this.#open < MAX_PATIENT;
    this.#open += 1;
    // Node's HTTP parser is one of the listeners: no request that still comes may be processed.
    socket.removeAllListeners('data');
    socket.end(last);
    const total = setTimeout(() => socket.destroy(), patient ? TOTAL_MS : IMPATIENT_MS);
    let heard = false;
    // A process that had no time for so long is told by its timers first, and only then what has come meanwhile.
    const quiet = setTimeout(
      () => {
        heard = false;
        setImmediate(() => {
          if (!heard) socket.destroy();
        });
      },
      patient ? QUIET_MS : IMPATIENT_MS,
    );
    const discard = (): void => {
      socket.on('data', () => {
        heard = true;
        quiet.refresh();
        // Else one turn of the event loop would read two megabytes of each connection.
        socket.pause();
        this.#reads.wait(() => socket.resume());
      });
    };
    // Node's HTTP server reads on from a connection that its parser had paused, but only until somebody else listens.
    if (socket.isPaused()) socket.once('resume', discard);
    else discard();
    socket.resume();
    socket.once('close', () => {
      this.#open -= 1;
      clearTimeout(total);
      clearTimeout(quiet);
    });
  }
}
