import { createServer } from 'node:net';

/** Something that one process at a time may use. */
export interface Claim {
  release(): void;
}

/**
 * Claims a name for this process among all processes of this machine; undefined if another one has it. The claim is a
 * listening socket in Linux's abstract namespace: no file that could be left behind, and it ends with its process.
 */
export function claim(name: string): Promise<Claim | undefined> {
  // Elsewhere nothing is claimed, and a name can be taken twice.
  if (process.platform !== 'linux') return Promise.resolve({ release: () => {} });
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0statelessd/${name}`, () => {
      server.unref();
      resolve({ release: () => void server.close() });
    });
  });
}
