import { createServer } from 'node:net';
import { type Claim, claim } from './claim.ts';

// Below the range from which Linux takes the source ports of outgoing connections (32768 and up). From that range, a
// stopped broker's port can be taken by a client's own connection, and a client that reconnects to it can even meet itself.
const FIRST = 15_000;
const COUNT = 15_000;
const ATTEMPTS = 100;

/** A loopback port that is kept for this process until it is released. */
export interface ClaimedPort extends Claim {
  readonly port: number;
}

/** Whether something listens there already. */
export function isPortTaken(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(false)));
  });
}

/** A port nobody listens on, which no other broker of ours takes while this one still boots, or is down for a while. */
export async function claimFreePort(): Promise<ClaimedPort> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const claimed = await claim(`port/${port}`);
    if (!claimed) continue;
    if (!(await isPortTaken(port, '127.0.0.1'))) return { port, release: claimed.release };
    claimed.release();
  }
  throw new Error(`no free port found between ${FIRST} and ${FIRST + COUNT - 1}`);
}
