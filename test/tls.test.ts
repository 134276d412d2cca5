import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { basic, FORM } from './support/http.ts';
import { Topology } from './support/topology.ts';

describe('HTTPS', () => {
  let topology: Topology;
  let ours: Certificates;
  let strangers: Certificates;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    ours = makeCertificates();
    strangers = makeCertificates();
  });
  afterAll(async () => {
    ours.delete();
    strangers.delete();
    await topology.delete();
  });

  async function start(http: Record<string, unknown>): Promise<GatewayProcess> {
    const gateway = await gatewayForTest({ http });
    return gateway;
  }

  /** The status of a post, or `refused` where the client is not let in. */
  function post(gateway: GatewayProcess, certificate?: Certificates): Promise<number | 'refused'> {
    const own = certificate && { cert: readFileSync(certificate.clientCert), key: readFileSync(certificate.clientKey) };
    return new Promise((resolve) => {
      const outgoing = request({
        host: '127.0.0.1',
        port: gateway.port,
        method: 'POST',
        path: `/${topology.segment}/x/k`,
        agent: false,
        ca: readFileSync(ours.ca),
        headers: { ...FORM, authorization: basic(topology.user) },
        ...own,
      });
      outgoing.once('response', (response) => {
        void buffer(response).then(() => resolve(response.statusCode ?? 0));
      });
      outgoing.once('error', () => resolve('refused'));
      outgoing.end('body=x');
    });
  }

  const posts = async (gateway: GatewayProcess): Promise<Record<string, number | 'refused'>> => ({
    own: await post(gateway, ours),
    foreign: await post(gateway, strangers),
    none: await post(gateway),
  });

  const tls = (more: object = {}): Record<string, unknown> => ({
    tls: { cert: ours.cert, key: ours.key, client_ca: ours.ca, ...more },
  });
  const ofPython = (more: object = {}): Record<string, unknown> => ({
    ssl_options: { certfile: ours.cert, keyfile: ours.key, ca_certs: ours.ca, ...more },
  });

  it.each([
    ['client_cert: required', tls, { client_cert: 'required' }, { own: 204, foreign: 'refused', none: 'refused' }],
    ['client_cert: optional', tls, { client_cert: 'optional' }, { own: 204, foreign: 'refused', none: 204 }],
    ['client_cert: none', tls, { client_cert: 'none' }, { own: 204, foreign: 204, none: 204 }],
    ['no client_cert', tls, {}, { own: 204, foreign: 204, none: 204 }],
    [
      '2013’s cert_reqs: required',
      ofPython,
      { cert_reqs: 'required' },
      { own: 204, foreign: 'refused', none: 'refused' },
    ],
    ['2013’s cert_reqs: optional', ofPython, { cert_reqs: 'optional' }, { own: 204, foreign: 'refused', none: 204 }],
    ['2013’s ca_certs alone', ofPython, {}, { own: 204, foreign: 204, none: 204 }],
  ])('with %s lets in whom it says, and publishes for nobody else', async (_, settings, more, expected) => {
    await topology.drain();
    const gateway = await start(settings(more));
    expect(await posts(gateway)).toEqual(expected);
    const published = Object.values(expected).filter((status) => status === 204);
    expect(await topology.drain()).toHaveLength(published.length);
  });

  it('has renewed files in force after SIGHUP, and the old ones where they do not go together', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'statelessd-tls-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const cert = join(directory, 'cert.pem');
    const key = join(directory, 'key.pem');
    const install = (from: Certificates): void => {
      copyFileSync(from.cert, cert);
      copyFileSync(from.key, key);
    };
    const served = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: gateway.port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'none');
          socket.end();
        });
        socket.once('error', reject);
      });
    install(ours);
    const gateway = await start({ tls: { cert, key } });
    const first = await served();

    install(strangers);
    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"');
    // The backend that retires may still take a connection that waited for it.
    await expect.poll(served).not.toBe(first);
    const second = await served();

    writeFileSync(key, readFileSync(ours.key));
    gateway.kill('SIGHUP');
    await gateway.says('not reloaded');
    expect(gateway.stderr).toContain('HTTPServer.tls.key: expected the private key of HTTPServer.tls.cert');
    expect(await served()).toBe(second);

    install(ours);
    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"', 2);
    await expect.poll(served).toBe(first);
  });

  it('answers 408 to what has not arrived when a stop is over, as over plain HTTP', async () => {
    const gateway = await start({ ...tls(), drain_timeout: 0.5 });
    const outgoing = request({
      host: '127.0.0.1',
      port: gateway.port,
      method: 'POST',
      path: `/${topology.segment}/x/k`,
      agent: false,
      ca: readFileSync(ours.ca),
      headers: { ...FORM, authorization: basic(topology.user), 'content-length': '6', expect: '100-continue' },
    });
    const answered = once(outgoing, 'response');
    outgoing.flushHeaders();
    await once(outgoing, 'continue');
    outgoing.write('body=');
    gateway.kill('SIGTERM');
    const [response] = await answered;
    expect(response.statusCode).toBe(408);
    expect((await buffer(response)).toString()).toContain('"published":"no"');
    expect((await gateway.exited).code).toBe(0);
  });
});
