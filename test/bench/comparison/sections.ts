import { readFileSync } from 'node:fs';
import { GatewayProcess } from '../../support/gateway.ts';
import { basic, http, keepAliveAgent } from '../../support/http.ts';
import { backendsOf } from '../../support/processes.ts';
import type { Topology, User } from '../../support/topology.ts';
import { batchPost, bothHalves, php, posting, publishing, rawPost } from './measures.ts';
import { addSink, type Place, type Target } from './place.ts';
import type { Subjects } from './sample.ts';
import type { Post } from './wrk.ts';

/** Subjects that are measured against each other, in one place. */
export interface Section {
  readonly title: string;
  readonly subjects: Subjects;
  close(): Promise<void>;
}

const KB = 1024;
const nothing = async (): Promise<void> => {};

/** What a post costs, and how little that could be. */
export function floorSection(place: Place): Section {
  const { gateway, floor } = place;
  const one = (clients: number) => posting(place, gateway, rawPost(place.topology, KB), clients);
  const http = posting(place, floor.http, rawPost(place.topology, KB), 64);
  const amqp = publishing(place, KB, 64);
  return {
    title: 'Against the floor',
    subjects: {
      'floor: Hono reads 1 KB and answers, 64 clients': http,
      'floor: rabbitmq-client confirms 1 KB, 64 at once': amqp,
      'floor: both at once': bothHalves(http, amqp),
      'floor: rabbitmq-client confirms 1 KB, 1 at once': publishing(place, KB, 1),
      'statelessd, 1 KB, 1 client': one(1),
      'statelessd, 1 KB, 8 clients': one(8),
      'statelessd, 1 KB, 64 clients': one(64),
      'statelessd, 1 KB, 256 clients': one(256),
      'management API, 1 KB, 64 clients': posting(place, managementOf(place), managementPost(place), 64),
    },
    close: nothing,
  };
}

/** The broker is its own HTTP server there. */
const managementOf = ({ broker, ports }: Place): Target => ({ port: ports.managementPort, pids: [broker.pid] });

function managementPost({ topology }: Place): Omit<Post, 'port'> {
  const message = { properties: {}, routing_key: 'k', payload: 'x'.repeat(KB), payload_encoding: 'string' };
  return {
    path: `/api/exchanges/${topology.segment}/sink/publish`,
    headers: { Authorization: basic({ username: 'admin', password: 'admin' }), 'Content-Type': 'application/json' },
    body: Buffer.from(JSON.stringify(message)),
  };
}

/** What a message's size and form do. */
export function formsSection(place: Place): Section {
  const { gateway } = place;
  const raw = rawPost(place.topology, KB);
  const as = (type: string, body: string): Omit<Post, 'port'> => ({
    ...raw,
    headers: { ...raw.headers, 'Content-Type': type },
    body: Buffer.from(body),
  });
  const part = (name: string, value: string): string =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const text = 'x'.repeat(KB);
  return {
    title: 'Forms and sizes',
    subjects: {
      'raw, 100 B, 64 clients': posting(place, gateway, rawPost(place.topology, 100), 64),
      'urlencoded, 1 KB, 64 clients': posting(
        place,
        gateway,
        as('application/x-www-form-urlencoded', `body=${text}&content_type=text%2Fplain`),
        64,
      ),
      'multipart, 1 KB, 64 clients': posting(
        place,
        gateway,
        as('multipart/form-data; boundary=b', `${part('body', text)}${part('content_type', 'text/plain')}--b--\r\n`),
        64,
      ),
      'raw, 20 KB, 1 client': posting(place, gateway, rawPost(place.topology, 20 * KB), 1),
      'raw, 64 KB, 1 client': posting(place, gateway, rawPost(place.topology, 64 * KB), 1),
      'raw, 1 MB, 1 client': posting(place, gateway, rawPost(place.topology, 1024 * KB), 1),
      'raw, 64 KB, 64 clients': posting(place, gateway, rawPost(place.topology, 64 * KB), 64),
    },
    close: nothing,
  };
}

/** Many messages a request. */
export function batchSection(place: Place): Section {
  const batch = (size: number) => posting(place, place.gateway, batchPost(place.topology, size), 4, size);
  return {
    title: 'Batches of 1 KB messages, 4 clients',
    subjects: { 'batches of 10': batch(10), 'batches of 100': batch(100), 'batches of 1,000': batch(1000) },
    close: nothing,
  };
}

/** PHP, which cannot keep a connection. */
export function phpSection(place: Place): Section {
  const subjects: Record<string, ReturnType<typeof php>> = {};
  for (const processes of [1, 8, 32]) {
    subjects[`php-amqplib, ${processes} processes`] = php(place, 'amqplib', processes);
    subjects[`amqp extension, ${processes} processes`] = php(place, 'amqp', processes);
    subjects[`curl to statelessd, ${processes} processes`] = php(place, 'curl', processes);
  }
  return { title: 'PHP, a connection for each message', subjects, close: nothing };
}

const MANY_USERS = 1000;
const MANY_EXCHANGES = 100;

/** Kilobytes that a connection takes are measured once, when all of them have been opened. */
export interface Growth extends Section {
  readonly kilobytesAConnection: number;
}

/** More users, more exchanges, more backends. */
export async function growthSection(place: Place): Promise<Growth> {
  const { topology } = place;
  const users = await addUsers(topology, MANY_USERS);
  for (let n = 0; n < MANY_EXCHANGES; n += 1) await addSink(topology, `sink-${n}`);
  const rabbitmq = { max_connections: MANY_USERS + 10 };
  const many = await GatewayProcess.start({ broker: topology.broker, rabbitmq });
  const pair = await GatewayProcess.start({ broker: topology.broker, http: { workers: 2 } });
  const target = targetOf(many);
  const [pid = 0] = target.pids;
  const post = rawPost(place.topology, KB);
  const as = (crowd: readonly User[]): Omit<Post, 'port'> => ({
    ...post,
    turns: crowd.map((user) => ({ path: post.path, headers: { ...post.headers, Authorization: basic(user) } })),
  });
  const exchanges = (count: number): Omit<Post, 'port'> => ({
    ...post,
    turns: Array.from({ length: count }, (_, n) => rawPost(place.topology, KB, `sink-${n}`)),
  });
  // What a busy process takes by itself is not the connections'.
  await posting(place, target, as(users.slice(0, 1)), 64)();
  const before = residentKilobytes(pid);
  await openAll(target.port, post, users);
  const kilobytesAConnection = (residentKilobytes(pid) - before) / MANY_USERS;
  return {
    title: 'Growth, 1 KB, 64 clients',
    kilobytesAConnection,
    subjects: {
      '1 user': posting(place, target, as(users.slice(0, 1)), 64),
      '10 users': posting(place, target, as(users.slice(0, 10)), 64),
      '100 users': posting(place, target, as(users.slice(0, 100)), 64),
      '1,000 users': posting(place, target, as(users), 64),
      '1 exchange': posting(place, target, exchanges(1), 64),
      '10 exchanges': posting(place, target, exchanges(10), 64),
      '100 exchanges': posting(place, target, exchanges(MANY_EXCHANGES), 64),
      'one backend': posting(place, place.gateway, post, 64),
      'two backends': posting(place, targetOf(pair), post, 64),
    },
    async close() {
      await many.stop();
      await pair.stop();
    },
  };
}

/** With one post for each user; then all connections are there, and idle. */
async function openAll(port: number, { path, body }: Omit<Post, 'port'>, users: readonly User[]): Promise<void> {
  const agent = keepAliveAgent(8);
  const call = { body: Buffer.from(body), headers: { 'content-type': 'application/octet-stream' } };
  for (let first = 0; first < users.length; first += 8) {
    const answers = await Promise.all(
      users.slice(first, first + 8).map((user) => http(port, path, { ...call, user }, agent)),
    );
    if (answers.some(({ status }) => status !== 204)) throw new Error('a connection could not be opened');
  }
  agent.destroy();
}

const targetOf = ({ port, pid: supervisor }: GatewayProcess): Target => ({
  port,
  pids: backendsOf(supervisor).map(({ pid }) => pid),
});

async function addUsers(topology: Topology, count: number): Promise<User[]> {
  const users: User[] = [];
  for (let n = 0; n < count; n += 1) users.push(await topology.addUser({ username: `bench-${n}`, password: 'p' }));
  return users;
}

function residentKilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
