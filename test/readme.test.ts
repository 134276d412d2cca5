import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess } from './support/gateway.ts';

const root = new URL('..', import.meta.url).pathname;
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The code in the README's fences of a language, and in its indented blocks. */
const fenced = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, code = '']) => code);
const indented = [...readme.matchAll(/^ {4}(.+)$/gm)].map(([, line = '']) => line);

describe('the README', () => {
  let broker: Broker;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    broker = await startBroker({ name: 'readme' });
    gateway = await GatewayProcess.start({ broker: { port: broker.port, managementPort: 0 } });
  });
  afterAll(async () => {
    await gateway.stop();
    await broker.close();
  });

  const here = (code: string): string => code.replaceAll('localhost:8000', `127.0.0.1:${gateway.port}`);
  const arrived = async (): Promise<string[]> => {
    const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${broker.port}/test`);
    const channel = await connection.createChannel();
    const bodies: string[] = [];
    for (let message = await channel.get('test'); message; message = await channel.get('test')) {
      channel.ack(message);
      bodies.push(message.content.toString());
    }
    await connection.close();
    return bodies;
  };

  it('has a curl line that publishes', async () => {
    for (const code of fenced('sh'))
      expect(execFileSync('sh', ['-c', here(code)], { encoding: 'utf8' })).toContain('204');
    expect(await arrived()).toEqual(['hi']);
  });

  it('has a PHP program that publishes', async () => {
    for (const code of fenced('php'))
      expect(execFileSync('php', { input: here(code), encoding: 'utf8' })).toBe('published\n');
    expect(await arrived()).toEqual(['hi from PHP']);
  });

  it('names commands that are there', () => {
    const scripts = indented.filter((line) => line.startsWith('scripts/'));
    expect(scripts).toEqual(['scripts/up', 'scripts/test']);
    for (const script of scripts) accessSync(`${root}${script}`, constants.X_OK);
  });

  it('starts the program with a line that works', async () => {
    const line = indented.find((candidate) => candidate.startsWith('node dist/cli.js'));
    if (line === undefined) throw new Error('the README no longer starts the program');
    const child = spawn('sh', ['-c', `exec ${line}`], {
      cwd: root,
      env: {
        ...process.env,
        STATELESSD__HTTPSERVER__PORTS: '[]',
        STATELESSD__HTTPSERVER__SOCKETS: `/tmp/statelessd-${process.pid}.sock`,
      },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const exited = once(child, 'exit');
    while (!said.includes('listening on')) {
      if (child.exitCode !== null) throw new Error(said);
      await Promise.race([once(child.stderr, 'data'), exited]);
    }
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('links to pages that are there', () => {
    for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)/g)) accessSync(`${root}${target}`);
  });
});
