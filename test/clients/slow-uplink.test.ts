import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { SlowLink } from '../support/slow-link.ts';
import { Topology } from '../support/topology.ts';

const SIZE = 3_000_000;
const BYTES_PER_SECOND = 1_000_000;

/** Clients that send credentials only after a 401 are in test/world/clients.test.ts. */
describe('over a slow uplink, a client without credentials', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let uplink: SlowLink;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start();
    uplink = await SlowLink.start(gateway.port, BYTES_PER_SECOND);
  });
  afterAll(async () => {
    await uplink.close();
    await gateway.stop();
    await topology.delete();
  });

  it('reads its refusal though it goes on sending for longer than many clients at once are given', async () => {
    const socket = connect(uplink.port, '127.0.0.1');
    const answer = text(socket);
    socket.write(`POST /${topology.segment}/x/k HTTP/1.1\r\nHost: g\r\nContent-Length: ${SIZE}\r\n\r\n`);
    socket.end('x'.repeat(SIZE));
    expect(await answer).toMatch(/^HTTP\/1\.1 401 .*connection: close/is);
  });
});
