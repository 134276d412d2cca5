import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { type ClaimedPort, claimFreePort } from '../wrangler-free-local/ports.ts';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { ContainerBuild, type Image } from './support/container-build.ts';
import { http } from './support/http.ts';
import { backendsOf } from './support/processes.ts';
import { startProgram } from './support/program.ts';
import { Topology } from './support/topology.ts';

const CONFIG = fileURLToPath(new URL('../config/', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

const GUEST = { username: 'guest', password: 'guest' };

const read = (file: string): string => readFileSync(join(CONFIG, file), 'utf8');

/** The effective configuration. */
function check(args: readonly string[], env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, '--check', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  expect([status, stderr]).toEqual([0, '']);
  return parse(stdout);
}

/** A drained backend is killed 2 s after drain_timeout. */
const stopsWithin = ({ HTTPServer }: { HTTPServer: { shutdown_delay: number; drain_timeout: number } }): number =>
  HTTPServer.shutdown_delay + HTTPServer.drain_timeout + 2;

describe('the container files', () => {
  let topology: Topology;
  let port: ClaimedPort;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    await topology.permit(GUEST);
    port = await claimFreePort();
  });
  afterAll(async () => {
    port?.release();
    await topology?.delete();
  });

  const path = (): string => `/${topology.segment}/x/k`;
  /** What is elsewhere here than it is there. */
  const here = () => ({
    STATELESSD__APPLICATION__RABBITMQ__HOST: '127.0.0.1',
    STATELESSD__APPLICATION__RABBITMQ__PORT: String(topology.broker.port),
    STATELESSD__HTTPSERVER__PORTS: String(port.port),
  });
  const start = async (command: readonly string[], env: Record<string, string> = {}) => {
    const program = await startProgram(command, { ...env, ...here() });
    onTestFinished(async () => void (await program.stop()));
    return program;
  };
  const curl = (): string =>
    execFileSync(
      'curl',
      [
        '-sS',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '-d',
        'body=hi',
        `http://guest:guest@127.0.0.1:${port.port}${path()}`,
      ],
      { encoding: 'utf8' },
    );

  describe('config/Containerfile', () => {
    let build: ContainerBuild;
    let image: Image;
    let certificates: Certificates;
    let directory: string;
    beforeAll(() => {
      build = new ContainerBuild();
      image = build.run();
      certificates = makeCertificates();
      directory = mkdtempSync(join(tmpdir(), 'statelessd-container-'));
    });
    afterAll(() => {
      build.delete();
      certificates.delete();
      rmSync(directory, { recursive: true });
    });

    const inside = (command: readonly string[]): string[] =>
      command.map((word) => (word.startsWith('/') ? join(image.root, word) : word));
    /** In a container it finds the one supervisor that there is; here are others. */
    const health = ({ pid }: { readonly pid: number }): number | null => {
      const [command = '', ...args] = inside(image.healthcheck);
      return spawnSync(command, [...args, String(pid)], { env: { PATH: process.env.PATH } }).status;
    };

    it('makes a program that publishes and is healthy, by its own health check, for as long as it runs', async () => {
      const program = await startProgram(inside(image.entrypoint), { ...image.env, ...here() });
      expect(curl()).toBe('204');
      expect(health(program)).toBe(0);
      expect(await program.stop()).toBe(0);
      expect(health(program)).toBe(1);
    });

    it.each([
      ['with TLS', () => ({ tls: { cert: certificates.cert, key: certificates.key } })],
      ['on another address', () => ({ address: '::1' })],
      ['on a name', () => ({ address: 'localhost' })],
      ['on a Unix socket alone', () => ({ ports: [], sockets: [join(directory, 'a.sock')] })],
      ['with other routes', () => ({}), [['/alive', 'statelessd.Health']]],
    ])(
      'makes a program that is healthy %s, as a file says, until a backend hangs',
      async (_, settings, routes?: string[][]) => {
        const file = join(directory, 'statelessd.yaml');
        writeFileSync(
          file,
          stringify({ HTTPServer: { ports: [port.port], ...settings() }, ...(routes && { Routes: routes }) }),
        );
        const { STATELESSD__HTTPSERVER__PORTS: _ports, ...broker } = here();
        const program = await startProgram([...inside(image.entrypoint), '-c', file], { ...image.env, ...broker });
        onTestFinished(async () => void (await program.stop()));
        expect(health(program)).toBe(0);
        const [backend, ...others] = backendsOf(program.pid);
        expect(others).toEqual([]);
        process.kill(backend?.pid ?? 0, 'SIGSTOP');
        expect(health(program)).toBe(1);
        process.kill(backend?.pid ?? 0, 'SIGCONT');
        expect(health(program)).toBe(0);
      },
    );

    it('leaves out of the image what only the build needs, and is not root', () => {
      const folder = join(image.root, 'opt/statelessd');
      expect(existsSync(join(folder, 'node_modules/hono'))).toBe(true);
      for (const name of ['src', 'node_modules/typescript', 'node_modules/vitest'])
        expect(existsSync(join(folder, name))).toBe(false);
      expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    });
  });

  describe('config/compose.yaml', () => {
    const { services, configs } = parse(read('compose.yaml'));
    const { environment, ports, ...gateway } = services.statelessd;

    it('gives the gateway an environment that it takes, and publishes the port that it has', () => {
      const config = check([], environment);
      expect(ports).toEqual(config.HTTPServer.ports.map((own: number) => `127.0.0.1:${own}:${own}`));
      expect(config.Application.rabbitmq.host in services).toBe(true);
      expect(Number.parseInt(gateway.stop_grace_period, 10)).toBeGreaterThan(stopsWithin(config));
    });

    it('lets guest publish from outside of the container', async () => {
      await start([process.execPath, PROGRAM], { ...environment, STATELESSD__HTTPSERVER__XHEADERS: 'true' });
      const call = {
        user: GUEST,
        body: 'hi',
        headers: { 'x-real-ip': '172.18.0.1' },
      };
      expect((await http(port.port, path(), call)).status).toBe(204);
    });

    it('waits for a RabbitMQ that has the definitions, from files that are there', () => {
      expect(gateway.depends_on).toEqual({ rabbitmq: { condition: 'service_healthy' } });
      expect(services.rabbitmq.healthcheck.test).toContain('check_port_connectivity');
      const [, source = '', target] =
        /^(\S+):(\S+):ro$/.exec(services.rabbitmq.volumes.find((volume: string) => volume.endsWith(':ro'))) ?? [];
      expect(existsSync(resolve(CONFIG, source))).toBe(true);
      const [{ source: name }] = services.rabbitmq.configs;
      expect(configs[name].content).toContain(`definitions.local.path = ${target}\n`);
      const context = resolve(CONFIG, gateway.build.context);
      expect(existsSync(join(context, gateway.build.dockerfile))).toBe(true);
    });
  });

  describe('config/kubernetes.yaml', () => {
    const documents = parseAllDocuments(read('kubernetes.yaml')).map((document) => document.toJS());
    const of = (kind: string) => documents.find((document) => document.kind === kind);
    const pod = of('Deployment').spec.template;
    const [container] = pod.spec.containers;
    const [mount] = container.volumeMounts;
    let directory: string;

    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'statelessd-pod-'));
      const folder = join(directory, mount.mountPath);
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries<string>(of('ConfigMap').data)) writeFileSync(join(folder, name), text);
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    const args = (): string[] =>
      container.args.map((arg: string) => (arg.startsWith(dirname(mount.mountPath)) ? join(directory, arg) : arg));

    it('mounts a configuration that is valid, on the port that the container, the probes and the Service have', () => {
      const config = check(args(), {});
      const [named] = container.ports;
      expect(config.HTTPServer.ports).toEqual([named.containerPort]);
      const probes = [container.livenessProbe, container.startupProbe, container.readinessProbe];
      expect(probes.map(({ httpGet }) => httpGet.port)).toEqual([named.name, named.name, named.name]);
      expect(of('Service').spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort)).toEqual([
        named.name,
      ]);
      expect(config.HTTPServer.shutdown_delay).toBeGreaterThan(0);
      expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(stopsWithin(config));
    });

    it('has probes that the program answers while it serves', async () => {
      await start([process.execPath, PROGRAM, ...args()]);
      expect(curl()).toBe('204');
      for (const { httpGet } of [container.livenessProbe, container.startupProbe, container.readinessProbe])
        expect((await http(port.port, httpGet.path, { method: 'GET' })).status).toBe(200);
    });

    it('names its own parts alike', () => {
      const labels = pod.metadata.labels;
      expect(of('Deployment').spec.selector.matchLabels).toEqual(labels);
      expect(of('Service').spec.selector).toEqual(labels);
      expect(of('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels);
      const [volume] = pod.spec.volumes;
      expect([volume.name, volume.configMap.name]).toEqual([mount.name, of('ConfigMap').metadata.name]);
    });
  });
});
