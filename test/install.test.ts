import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { claimFreePort } from '../wrangler-free-local/ports.ts';
import { makeClone } from './support/clone.ts';
import { canIsolate, IsolatedMachine } from './support/isolated-machine.ts';
import { startProgram } from './support/program.ts';
import { Topology } from './support/topology.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/installing.md'), 'utf8');
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** The lines of commands in one section of docs/installing.md. */
function commandsOf(section: string): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.trim().split('\n'));
}

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(directory, path)).isFile(),
  );

describe('docs/installing.md', () => {
  /** Where its commands would have `/usr/local`, `/etc` and a clone. */
  let prefix: string;
  let clone: string;
  let installed: string;
  let said: string;

  const here = (command: string): string =>
    command.replaceAll('/usr/local', prefix).replaceAll(/ (?=\/etc)/g, ` ${prefix}`);
  const run = (commands: readonly string[]): string =>
    execFileSync('sh', ['-ec', commands.map(here).join('\n')], {
      cwd: clone,
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${prefix}/bin:${process.env.PATH}`,
        npm_config_prefer_offline: 'true',
        npm_config_update_notifier: 'false',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  /** The manifests of all packages beside its own. */
  const installedPackages = (): string[] =>
    filesIn(join(installed, 'node_modules')).filter((path) => /^(@[^/]+\/)?[^/]+\/package\.json$/.test(path));

  beforeAll(() => {
    prefix = mkdtempSync(join(tmpdir(), 'statelessd-prefix-'));
    clone = makeClone();
    installed = join(prefix, 'lib/node_modules/statelessd');
    const [first, ...others] = commandsOf('npm');
    // Which the test of config/Containerfile runs from a clone, too.
    expect(first).toBe('npm ci');
    symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
    said = run(others);
  });
  afterAll(() => {
    for (const directory of [prefix, clone]) rmSync(directory, { recursive: true, force: true });
  });

  it('installs a program with npm that says its version', () => {
    expect(said).toMatch(/^statelessd 1\.0\.0$/m);
  });

  it('installs what an operator needs, and no tests', () => {
    const files = filesIn(installed).filter((path) => !path.startsWith('node_modules/'));
    const repository = ['config', 'docs'].flatMap((folder) =>
      filesIn(join(ROOT, folder)).map((path) => join(folder, path)),
    );
    const programs = ['backend', 'backend-entry', 'health-check'].map((name) => join('adapter/process', `${name}.js`));
    const built = ['cli.js', ...programs].map((name) => join('dist', name));
    const page = ['dashboard.css', 'dashboard.js', 'icon.svg', 'index.html'].map((name) =>
      join('dist/dashboard', name),
    );
    const own = ['CHANGELOG.md', 'LICENSE', 'README.md', 'npm-shrinkwrap.json', 'package.json'];
    const shared = files.filter((path) => /^dist\/chunks\/[\w-]+\.js$/.test(path));
    expect(files.sort()).toEqual([...own, ...repository, ...built, ...shared, ...page].sort());
  });

  it('installs the versions that were tested', () => {
    const versions = installedPackages().map((path) => {
      const { name, version } = JSON.parse(readFileSync(join(installed, 'node_modules', path), 'utf8'));
      return [name, version];
    });
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    expect(versions.map(([name]) => [name, packages[`node_modules/${name}`]?.version])).toEqual(versions);
  });

  it('installs what publishes, with the minimal configuration that comes with it', async () => {
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    await topology.permit({ username: 'guest', password: 'guest' });
    const claim = await claimFreePort();
    onTestFinished(() => claim.release());
    const program = await startProgram([join(prefix, 'bin/statelessd'), '-c', join(installed, 'config/minimal.yaml')], {
      STATELESSD__APPLICATION__RABBITMQ__PORT: String(topology.broker.port),
      STATELESSD__HTTPSERVER__PORTS: String(claim.port),
    });
    onTestFinished(async () => void (await program.stop()));
    const [curl = ''] = commandsOf('Compose').filter((line) => line.startsWith('curl'));
    const url = `127.0.0.1:${claim.port}/${topology.segment}/x/k`;
    expect(run([curl.replace('localhost:8000/test/test/foo', url)])).toMatch(/^HTTP\/1\.1 204 /);
    expect((await topology.only()).content.toString()).toBe('hi');
    expect(await program.stop()).toBe(0);
  });

  it('says how many packages that is, and how much', () => {
    const [, total, direct] = /itself and (\d+) packages, of\s+which (\d+) are direct/.exec(PAGE) ?? [];
    expect([Number(total), Number(direct)]).toEqual([installedPackages().length, Object.keys(dependencies).length]);
    const inFiles = filesIn(installed).reduce((sum, path) => sum + statSync(join(installed, path)).size, 0);
    // As du(1) has it where blocks are 4 KiB; a folder takes one.
    const entries = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    const onDisk = entries.reduce(
      (sum, path) => sum + Math.ceil(statSync(join(installed, path)).size / 4096) * 4096,
      0,
    );
    const [, ...said] = /it is ([\d.]+) MB in files, ([\d.]+) MB on a disk/.exec(PAGE) ?? [];
    for (const [index, bytes] of [inFiles, onDisk].entries())
      expect(Math.abs(Number(said[index]) - bytes / 1e6)).toBeLessThan(0.5);
  });

  it('puts files where systemd and nginx look for them', () => {
    const copies = [...commandsOf('systemd'), ...commandsOf('nginx')].filter((line) => line.startsWith('install '));
    run(copies);
    const unit = readFileSync(join(prefix, 'etc/systemd/system/statelessd.service'), 'utf8');
    const [, program = '', configuration = ''] = /^ExecStart=(\S+) -c (\S+)$/m.exec(unit) ?? [];
    expect(existsSync(here(program))).toBe(true);
    expect(existsSync(join(prefix, configuration))).toBe(true);
    expect(existsSync(join(prefix, 'etc/nginx/conf.d/statelessd.conf'))).toBe(true);
  });

  it("has nginx pass everything on to the gateway, on a Debian with nginx's default site", async () => {
    const steps = commandsOf('nginx');
    // What the test below can run is checked at least.
    if (!canIsolate()) return expect(steps).toContain('rm -f /etc/nginx/sites-enabled/default');
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    const directory = mkdtempSync(join(tmpdir(), 'statelessd-nginx-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const syslog = join(directory, 'syslog');
    writeFileSync(syslog, '');
    cpSync('/etc/nginx', join(directory, 'etc'), { recursive: true, verbatimSymlinks: true });
    const site = join(directory, 'etc/sites-enabled/default');
    if (!existsSync(join(directory, 'etc/sites-available/default')) || !lstatSync(site).isSymbolicLink())
      throw new Error("Debian's default site is missing in /etc/nginx");
    const machine = await IsolatedMachine.start(syslog, topology.broker.port);
    onTestFinished(() => machine.close());
    const root = (script: string): Promise<string> => machine.run('sh', '-ec', `cd "${clone}"\n${script}`);
    await root(`
      mount --bind "${directory}/etc" /etc/nginx
      for folder in /var/log/nginx /var/lib/nginx; do mount -t tmpfs none "$folder"; done
      nginx`);
    onTestFinished(async () => void (await root('nginx -s stop')));
    const asked = (): Promise<string> =>
      root(`curl -s -o /dev/null -w '%{http_code}' -d body=hi '${url}' -H 'X-Request-Id: through-nginx' -D -`);
    const { username, password } = topology.user;
    const url = `http://${username}:${password}@localhost/${topology.segment}/x/k`;
    expect(await asked()).toMatch(/^HTTP\/1\.1 40\d .*Server: nginx/s);

    await root(steps.join('\n'));
    const settings = join(directory, 'statelessd.yaml');
    const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(PAGE.split(/^## nginx$/m)[1] ?? '') ?? [];
    writeFileSync(settings, yaml);
    const gateway = machine.spawn([join(prefix, 'bin/statelessd'), '-c', settings]);
    onTestFinished(() => void gateway.kill('SIGKILL'));
    let said = '';
    gateway.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await expect.poll(() => said.split('listening on').length - 1, { timeout: 60_000 }).toBe(5);
    expect(await asked()).toMatch(/^HTTP\/1\.1 204 .*X-Request-Id: through-nginx/is);
    expect((await topology.only()).content.toString()).toBe('hi');
  });

  it('names files that are there', () => {
    const words = PAGE.split(/[\s`()]+/).filter((word) => /^(\.\.\/)?config\/./.test(word));
    expect(words).toContain('config/compose.yaml');
    for (const word of words) expect([word, existsSync(join(ROOT, word.replace('../', '')))]).toEqual([word, true]);
  });
});
