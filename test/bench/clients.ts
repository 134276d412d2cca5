import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Answers {
  /** Milliseconds that each answer took, by its status. */
  readonly byStatus: ReadonlyMap<number, readonly number[]>;
  /** How long the clients were at it. */
  readonly seconds: number;
}

const RAMP_MS = 4_000;

/**
 * Clients that each keep a connection and send the same request again and again. They begin one after another, and one that
 * is refused waits for up to twice as long as Retry-After says: a crowd that comes back in step would be its own problem.
 */
export async function runClients(options: {
  readonly port: number;
  readonly request: Buffer;
  readonly clients: number;
  readonly seconds: number;
}): Promise<Answers> {
  const byStatus = new Map<number, number[]>();
  const startedAt = performance.now();
  const endsAt = startedAt + options.seconds * 1000;
  const client = async (): Promise<void> => {
    let connection: ClientConnection | undefined;
    await delay(Math.random() * RAMP_MS);
    while (performance.now() < endsAt) {
      connection ??= await ClientConnection.open(options.port);
      const sentAt = performance.now();
      const answer = await connection.send(options.request);
      const times = byStatus.get(answer.status) ?? [];
      byStatus.set(answer.status, times);
      times.push(performance.now() - sentAt);
      if (answer.closes) {
        connection.close();
        connection = undefined;
      }
      const left = endsAt - performance.now();
      const pause = answer.retryAfterSeconds * 1000 * (1 + Math.random());
      if (pause > 0) await delay(Math.max(0, Math.min(left, pause)));
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  return { byStatus, seconds: (performance.now() - startedAt) / 1000 };
}

interface Answer {
  /** 0: the connection ended without one. */
  readonly status: number;
  readonly closes: boolean;
  readonly retryAfterSeconds: number;
}

/** One HTTP connection with one request on its way at a time; it reads no more of an answer than it must. */
class ClientConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #resolve: (answer: Answer) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#resolve({ status: 0, closes: true, retryAfterSeconds: 0 }));
  }

  static open(port: number): Promise<ClientConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new ClientConnection(socket)));
      socket.once('error', reject);
    });
  }

  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd).toLowerCase();
    const length = Number(/\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    if (this.#received.length < headEnd + 4 + length) return;
    this.#received = Buffer.alloc(0);
    this.#resolve({
      status: Number(head.slice(9, 12)),
      closes: head.includes('\nconnection: close'),
      retryAfterSeconds: Number(/\nretry-after: (\d+)/.exec(head)?.[1] ?? 0),
    });
  }
}

/** The value below which so large a share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
