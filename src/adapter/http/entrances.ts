import { createServer as createNetServer, Server as NetServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

const QUIET_TURNS = 10;

/**
 * Connections that the kernel may queue until they are accepted, one in each turn of the event loop; it may have a lower
 * limit of its own (net.core.somaxconn). To a crowd over Node's 511 it would seem for seconds that nobody answers.
 */
export const BACKLOG = 4_096;

/** Under load new ones come while they are accepted. */
const MAX_QUEUED = 2 * BACKLOG;

/** The bound sockets on which a server accepts. Node's servers listen on one each; the others hand connections over. */
export class Entrances {
  readonly #server: NetServer;
  readonly #entrances: NetServer[];
  readonly #onAcceptFailed: () => void;
  #closed: Promise<unknown> | undefined;
  #isHurried = false;

  constructor(server: NetServer, onAcceptFailed: () => void) {
    this.#server = server;
    this.#onAcceptFailed = onAcceptFailed;
    this.#entrances = [server];
  }

  /** Resolves when none is open any more, and no connection either. */
  get closed(): Promise<unknown> | undefined {
    return this.#closed;
  }

  async open(handles: readonly unknown[]): Promise<void> {
    const [first, ...others] = handles;
    await this.#listenOn(this.#server, first);
    for (const handle of others) {
      const entrance = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#server.emit('connection', socket),
      );
      await this.#listenOn(entrance, handle);
      this.#entrances.push(entrance);
    }
  }

  /** Accepts no more connections; those that there are go on. */
  async close(): Promise<void> {
    await this.#acceptQueued();
    // Not the HTTP server's own close, which would close idle connections in the face of a request on its way.
    this.#closed ??= Promise.all(
      this.#entrances.map(
        (server) => new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve())),
      ),
    );
  }

  /** Has `close` accept nothing more first. */
  hurry(): void {
    this.#isHurried = true;
  }

  /**
   * Connections that the kernel has let in already would be reset with the listening socket. Node accepts one in each
   * turn of the event loop, and under load more come during a turn: the queue is empty once several brought none.
   */
  async #acceptQueued(): Promise<void> {
    let quietTurns = 0;
    const onConnection = (): void => {
      quietTurns = 0;
    };
    this.#server.on('connection', onConnection);
    for (let turn = 0; quietTurns < QUIET_TURNS && turn < MAX_QUEUED && !this.#isHurried; turn += 1) {
      quietTurns += 1;
      await nextTurn();
    }
    this.#server.off('connection', onConnection);
  }

  #listenOn(server: NetServer, handle: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(handle, BACKLOG, () => {
        server.off('error', reject);
        server.on('error', this.#onAcceptFailed);
        resolve();
      });
    });
  }
}
