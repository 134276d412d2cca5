import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a Containerfile leaves: a file system below `root`, and what is to be run in it. */
export interface Image {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly healthcheck: readonly string[];
}

/** An image under construction. */
interface Stage {
  readonly root: string;
  readonly name: string | undefined;
  directory: string;
  readonly env: Record<string, string>;
  user: string;
  entrypoint: readonly string[];
  healthcheck: readonly string[];
}

/**
 * Takes the steps of config/Containerfile without a container: each stage is an empty folder, and what a base image
 * would have is this machine's. Only files that .dockerignore lets through can be copied.
 */
export class ContainerBuild {
  readonly #directory = mkdtempSync(join(tmpdir(), 'statelessd-container-'));
  readonly #stages: Stage[] = [];

  run(): Image {
    this.#makeContext();
    const text = readFileSync(join(ROOT, 'config/Containerfile'), 'utf8');
    for (const line of text.split('\n').filter((candidate) => /^[A-Z]/.test(candidate))) {
      const [keyword = '', ...words] = line.split(' ');
      this.#step(keyword, words);
    }
    const image = this.#stages.at(-1);
    if (!image) throw new Error('the Containerfile has no FROM');
    return image;
  }

  delete(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #context(): string {
    return join(this.#directory, 'context');
  }

  /** .dockerignore names what may be copied, after ruling everything out. */
  #makeContext(): void {
    const [nothing, ...allowed] = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => /^[^#]/.test(line));
    if (nothing !== '*') throw new Error('expected .dockerignore to begin with *');
    for (const [, name = ''] of allowed.map((line) => /^!(.+)/.exec(line) ?? []))
      cpSync(join(ROOT, name), join(this.#context, name), { recursive: true });
  }

  #step(keyword: string, words: readonly string[]): void {
    const rest = words.join(' ');
    const stage = this.#stages.at(-1);
    if (keyword === 'FROM') this.#from(words[2]);
    else if (!stage) throw new Error('the Containerfile does not begin with FROM');
    else if (keyword === 'WORKDIR') {
      stage.directory = rest;
      mkdirSync(join(stage.root, rest), { recursive: true });
    } else if (keyword === 'ENV') stage.env[rest.replace(/=.*/, '')] = rest.replace(/^[^=]*=/, '');
    else if (keyword === 'COPY') this.#copy(words, stage);
    else if (keyword === 'RUN')
      execFileSync('sh', ['-c', rest], { cwd: hereIn(stage), env: { ...NPM, ...stage.env }, stdio: 'pipe' });
    else if (keyword === 'USER') stage.user = rest;
    else if (keyword === 'HEALTHCHECK') stage.healthcheck = JSON.parse(rest.replace(/^.*? CMD /, ''));
    else if (keyword === 'ENTRYPOINT') stage.entrypoint = JSON.parse(rest);
    else if (keyword !== 'EXPOSE') throw new Error(`the Containerfile has a ${keyword}, which this does not know`);
  }

  #from(name: string | undefined): void {
    const root = join(this.#directory, `stage-${this.#stages.length}`);
    mkdirSync(root);
    this.#stages.push({ root, name, directory: '/', env: {}, user: 'root', entrypoint: [], healthcheck: [] });
  }

  /** A folder's contents go into the target; files go into it if it ends with a slash. */
  #copy(words: readonly string[], stage: Stage): void {
    const from = /^--from=(.+)/.exec(words[0] ?? '')?.[1];
    const source = from === undefined ? this.#context : this.#stages.find(({ name }) => name === from)?.root;
    if (source === undefined) throw new Error(`there is no stage ${from}`);
    const paths = from === undefined ? words : words.slice(1);
    const target = paths.at(-1) ?? '';
    for (const path of paths.slice(0, -1)) {
      const isFolder = statSync(join(source, path)).isDirectory();
      const into = target.endsWith('/') && !isFolder ? join(target, basename(path)) : target;
      cpSync(join(source, path), join(hereIn(stage), into), { recursive: true });
    }
  }
}

const hereIn = ({ root, directory }: Stage): string => join(root, directory);

/** npm's own settings and cache, as far as this machine has them. */
const NPM = { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_prefer_offline: 'true' };
