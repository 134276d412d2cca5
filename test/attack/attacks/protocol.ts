import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { makeCertificates } from '../../support/certificates.ts';
import { basic } from '../../support/http.ts';
import { startProxy } from '../../world/support/proxies.ts';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { converse, open, statusesIn } from '../support/sockets.ts';
import type { World } from '../support/world.ts';
import { smuggled } from './smuggled.ts';

const pathOf = ({ topology }: World): string => `/${topology.segment}/spied/k`;

/** Sends each, and holds what arrived in the queue against what was answered. */
async function smuggle(world: World, port: number, hiddenIsJudged: boolean) {
  const authorization = `Authorization: ${basic(world.user)}`;
  const answers = new Tally();
  const faults: string[] = [];
  const cases = smuggled(`/${world.topology.segment}/spied`, authorization);
  const told = new Map<string, number[]>();
  const left = [...cases];
  const one = async (): Promise<void> => {
    for (let each = left.pop(); each; each = left.pop())
      told.set(each.key, statusesIn(await converse(port, [each.bytes], { quietMs: 4_000 })));
  };
  await Promise.all(Array.from({ length: 24 }, one));
  const messages = await world.topology.drain('spied');
  for (const { name, key, secondIsMeant } of cases) {
    const arrived = messages.filter(({ fields }) => fields.routingKey === key).map(({ content }) => String(content));
    const statuses = told.get(key) ?? [];
    for (const status of statuses) answers.add(status);
    const confirmed = statuses.filter((status) => status === 204).length;
    if (arrived.length !== confirmed) faults.push(`${name}: ${confirmed} × 204, ${arrived.length} messages`);
    if (hiddenIsJudged && !secondIsMeant && arrived.includes('SMUGGLED')) faults.push(`${name}: smuggled`);
  }
  return { answers, faults };
}

export const smuggling: Attack = {
  name: 'request smuggling',
  tries:
    'a second request hidden in the first: Content-Length against Transfer-Encoding, two lengths, folded and malformed fields, bare CR and LF, chunk sizes and extensions, trailers, Expect, Upgrade, refused bodies',
  promise: 'the hidden request is never published, and every message has its answer',
  async run(world) {
    const { answers, faults } = await smuggle(world, world.port, true);
    return finding(`answers: ${answers}`, { [`nothing is smuggled (${faults.join('; ')})`]: faults.length === 0 });
  },
};

export const smugglingThrough: Attack = {
  name: 'request smuggling through proxies',
  tries: 'the same through nginx and HAProxy',
  promise: 'what is one request for the proxy is one for the gateway: every message has its answer',
  async run(world) {
    const found: string[] = [];
    const figures: string[] = [];
    for (const kind of ['nginx', 'HAProxy'] as const) {
      const proxy = await startProxy(kind, world.port);
      try {
        // What a proxy takes for two requests is two; it must not be one for the proxy and two for the gateway.
        const { answers, faults } = await smuggle(world, proxy.port, false);
        figures.push(`${kind}: ${answers}`);
        found.push(...faults.map((fault) => `${kind}, ${fault}`));
      } finally {
        await proxy.stop();
      }
    }
    return finding(figures.join('; '), { [`nothing is smuggled (${found.join('; ')})`]: found.length === 0 });
  },
};

export const behindARefusal: Attack = {
  name: 'requests behind a refusal',
  tries: 'one request that is refused, and three good ones behind it in one write; refused in 8 ways',
  promise: 'what is published is answered, and what is not answered is not published',
  async run(world) {
    const authorization = `Authorization: ${basic(world.user)}`;
    const goodAt = (key: string): string =>
      `POST /${world.topology.segment}/spied/${key} HTTP/1.1\r\nHost: g\r\n${authorization}\r\nContent-Length: 4\r\n\r\ngood`;
    const refusals: Record<string, (good: string) => string> = {
      'no credentials': (good) => good.replace(authorization, 'X: y'),
      'no exchange': (good) => good.replace('/spied/', '/missing/'),
      'an encoding': (good) =>
        good.replace('Host: g', 'Host: g\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: br'),
      'a type': (good) => good.replace('Host: g', 'Host: g\r\nContent-Type: a/b, c/d'),
      'a large body': (good) => good.replace('Content-Length: 4', 'Content-Length: 99999999'),
      'a coding': (good) => good.replace('Content-Length: 4', 'Transfer-Encoding: gzip'),
      'an expectation': (good) => good.replace('Host: g', 'Host: g\r\nExpect: miracles'),
      'a close': (good) => good.replace('Host: g', 'Host: g\r\nConnection: close'),
    };
    const kinds = Object.entries(refusals).flatMap(([name, refused]) =>
      Array.from({ length: ROUNDS }, (_, n) => ({ name, refused, key: encodeURIComponent(`${name} ${n}`) })),
    );
    const told = await Promise.all(
      kinds.map(async ({ name, refused, key }) => {
        const good = goodAt(key);
        const received = await converse(world.port, [refused(good) + good.repeat(3)], { quietMs: 8_000, answers: 4 });
        return { name, key: decodeURIComponent(key), statuses: statusesIn(received) };
      }),
    );
    const messages = await world.topology.drain('spied');
    const answers = new Tally();
    const faults: string[] = [];
    for (const { name, key, statuses } of told) {
      for (const status of statuses) answers.add(status);
      const arrived = messages.filter(({ fields }) => fields.routingKey === key).length;
      const confirmed = statuses.filter((status) => status === 204).length;
      if (arrived !== confirmed) faults.push(`${name}: ${confirmed} × 204, ${arrived} messages`);
    }
    return finding(`answers: ${answers}`, {
      [`each message has its answer (${faults.join('; ')})`]: faults.length === 0,
    });
  },
};

/** How often each of them is tried. */
const ROUNDS = 5;

export const traversal: Attack = {
  name: 'path traversal',
  tries:
    'dots, encoded dots and slashes, backslashes, NULs and absolute targets, towards files and towards other addresses',
  promise: 'no file outside of the page’s is served; a message goes where its path says or nowhere',
  async run(world) {
    const answers = new Tally();
    const faults: string[] = [];
    const { segment } = world.topology;
    const up = [
      '../',
      '..%2f',
      '%2e%2e/',
      '%2e%2e%2f',
      '..\\',
      '..%5c',
      '%252e%252e%252f',
      '..%00/',
      '....//',
      '.%2e/',
      '%c0%ae%c0%ae/',
    ];
    const files = ['etc/passwd', 'package.json', 'dist/cli.js', 'proc/self/environ'];
    const roots = ['/', '/static/', '/assets/', '/templates/', '//'];
    const targets = up.flatMap((dots) => files.flatMap((file) => roots.map((root) => root + dots.repeat(6) + file)));
    const some = async (): Promise<void> => {
      for (let target = targets.pop(); target; target = targets.pop()) {
        const received = await ask(world.port, `GET ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n`);
        answers.add(statusesIn(received)[0] ?? 0);
        if (/root:x:|"rabbitmq-client"|PATH=|^import /m.test(received)) faults.push(target);
      }
    };
    await Promise.all(Array.from({ length: 8 }, some));
    const addresses: Record<string, string | undefined> = {
      [`/${segment}/spied/..`]: '..',
      [`/${segment}/spied/%2e%2e`]: '..',
      [`/${segment}/spied/a%2f..%2fb`]: 'a/../b',
      [`/${segment}/spied/.`]: '.',
      [`/${segment}/sink/../spied/k`]: undefined,
      [`/x/../${segment}/spied/k`]: undefined,
      [`/${segment}/spied/a/../b`]: undefined,
      [`//${segment}/spied/k`]: undefined,
      [`/${segment}/spied\\..\\sink/k`]: undefined,
      [`http://evil.example/${segment}/spied/absolute`]: 'absolute',
      [`http://evil.example/x/../${segment}/spied/k`]: undefined,
      [`/${segment}/spied/%252e%252e`]: '%2e%2e',
      [`/${segment}/spied/k%00`]: undefined,
    };
    for (const [target, key] of Object.entries(addresses)) {
      const head = `POST ${target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nAuthorization: ${basic(world.user)}`;
      const status = statusesIn(await ask(world.port, `${head}\r\nContent-Length: 1\r\n\r\nx`))[0];
      const keys = (await world.topology.drain('spied')).map(({ fields: { routingKey } }) => routingKey);
      answers.add(status ?? 0);
      const expected = status === 204 ? [key] : [];
      if (keys.join() !== expected.join()) faults.push(`${target}: ${status}, arrived at ${keys.join() || 'nowhere'}`);
    }
    return finding(`answers: ${answers}`, {
      [`no file, no other address (${faults.slice(0, 5).join('; ')})`]: faults.length === 0,
    });
  },
};

const ask = (port: number, bytes: string): Promise<string> => converse(port, [bytes], { quietMs: 2_000 });

export const cutByAStop: Attack = {
  name: 'a stop in the midst of a body',
  tries: 'over HTTPS and HTTP, a body that is half there when the gateway is told to stop',
  promise: 'it is answered, with `published: no`',
  alone: true,
  async run(world) {
    const certificates = makeCertificates();
    world.onEnd(() => certificates.delete());
    const { cert, key, ca } = certificates;
    const head = `POST ${pathOf(world)} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(world.user)}\r\nContent-Length: 1000\r\n\r\nhalf`;
    const stop = async (http: Record<string, unknown>): Promise<number> => {
      const isHttps = 'tls' in http;
      const gateway = await world.startGateway({ settings: { http }, isHttps });
      const socket = isHttps
        ? connect({ host: '127.0.0.1', port: gateway.port, ca: readFileSync(ca), servername: 'localhost' })
        : await open(gateway.port);
      let received = '';
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
      });
      const ended = new Promise((resolve) => socket.once('close', resolve));
      socket.write(head);
      await delay(500);
      gateway.kill('SIGTERM');
      await Promise.race([ended, gateway.exited.then(() => delay(500))]);
      socket.destroy();
      return statusesIn(received)[0] ?? 0;
    };
    const tls = { cert, key };
    const kinds = [{ tls }, {}, { tls, drain_timeout: 1 }, { drain_timeout: 1 }, { tls, request_timeout: 2 }];
    const statuses = await Promise.all(kinds.map(stop));
    return finding(`answers: ${statuses.map((status) => status || 'none').join(', ')}`, {
      'all are answered': statuses.every((status) => [408, 503].includes(status)),
    });
  },
};
