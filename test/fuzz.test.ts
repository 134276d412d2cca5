import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { basic, FORM, http } from './support/http.ts';
import { Topology } from './support/topology.ts';

const RUNS = 300;

describe('whatever bytes come in over a socket', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start();
  });
  afterAll(async () => {
    await gateway.stop();
    await topology.delete();
  });

  /** Sends pieces, one by one, breaks off or ends, and gives back what came. */
  const send = (pieces: readonly Uint8Array[], tear: boolean): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(gateway.port, '127.0.0.1');
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(received));
      socket.on('connect', () => {
        for (const piece of pieces) socket.write(piece);
        if (tear) socket.resetAndDestroy();
        else socket.end();
      });
    });

  const statuses = (received: string): number[] =>
    [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

  /** A request to publish that is right, for the most part. */
  const request = (): fc.Arbitrary<Buffer> =>
    fc
      .record({
        method: fc.constantFrom('POST', 'POST', 'PUT', 'GET', 'P\0ST'),
        path: fc.oneof(
          fc.constant(`/${topology.segment}/x/k`),
          fc.webPath(),
          fc.string({ unit: 'binary-ascii' }).map((text) => `/${text}`),
        ),
        type: fc.constantFrom('application/x-www-form-urlencoded', 'multipart/form-data; boundary=b', 'text/plain'),
        header: fc.oneof(fc.constant(''), fc.string({ unit: 'binary-ascii' })),
        length: fc.option(fc.integer({ min: 0, max: 2_000 })),
        body: fc.uint8Array({ maxLength: 1_000 }),
      })
      .map(({ method, path, type, header, length, body }) => {
        const lines = [
          `${method} ${path} HTTP/1.1`,
          'Host: g',
          `Authorization: ${basic(topology.user)}`,
          `Content-Type: ${type}`,
          `Content-Length: ${length ?? body.length}`,
          ...(header ? [`X-Fuzz: ${header}`] : []),
        ];
        return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
      });

  it('the answers are in the contract, and the gateway goes on serving', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(request(), fc.uint8Array({ maxLength: 300 })), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (pieces, tear) => {
          for (const status of statuses(await send(pieces, tear)))
            expect([200, 204, 400, 401, 403, 404, 405, 408, 413, 415, 417, 431, 503]).toContain(status);
        },
      ),
      { numRuns: RUNS },
    );
    const call = { user: topology.user, body: 'body=alive', headers: FORM };
    expect((await http(gateway.port, `/${topology.segment}/x/k`, call)).status).toBe(204);
    expect(gateway.stderr).not.toMatch(/a bug|died/);
  });
});
