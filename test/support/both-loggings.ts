import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { parse } from 'yaml';

/** One record, for both to write. */
export interface LogRecord {
  readonly door: 'gateway' | 'access' | 'broker';
  readonly level: 'debug' | 'info' | 'warning' | 'error';
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** What one of the two has written, by sink: `stdout`, `stderr` and the names of files. */
export type Written = Readonly<Record<string, string>>;

const PROCESS_NAME = 'statelessd: backend 8000';

/** Our adapter's own doors, in a process of its own, for its standard streams are what is looked at. */
const OURS = `
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseConfig } from './src/config/parse.ts';
import { formatProblem } from './src/config/problem.ts';
import { configureLogging, openLogs } from './src/adapter/logging/logging.ts';
import { openStandardOutputs } from './src/adapter/logging/standard-output.ts';

const [file, records] = process.argv.slice(2);
const result = parseConfig({ name: file, text: readFileSync(file, 'utf8') }, {});
if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\\n'));
process.title = ${JSON.stringify(PROCESS_NAME)};
configureLogging(result.config.logging, false, openStandardOutputs(), { starting: true });
const logs = openLogs();
for (const { door, level, message, time } of JSON.parse(records)) {
  Date.now = () => time;
  logs[door](level, message);
}
`;

/** A program that uses Python's logging as documented, with a record's own facts set to what ours has. */
const PYTHONS = `
import json, logging, logging.config, logging.handlers, sys

config, records, names, pid = [json.loads(argument) for argument in sys.argv[1:]]
loggers = {door: logging.getLogger(name) for door, name in names.items()}
logging.config.dictConfig(config)
for given in records:
    logger = loggers[given['door']]
    level = getattr(logging, given['level'].upper())
    if not logger.isEnabledFor(level):
        continue
    record = logger.makeRecord(logger.name, level, logger.name.split('.')[-1], 0, given['message'], (), None)
    record.created = given['time'] / 1000
    record.msecs = float(given['time'] % 1000)
    record.process, record.processName, record.thread = pid, ${JSON.stringify(PROCESS_NAME)}, 0
    record.funcName = record.module = record.filename = logger.name.split('.')[-1]
    logger.handle(record)
`;

/** Runs the same configuration and records through this program's logging and through CPython's. */
export class BothLoggings {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async prepare(): Promise<BothLoggings> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-logging-'));
    await build({
      stdin: { contents: OURS, resolveDir: fileURLToPath(new URL('../..', import.meta.url)), loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(directory, 'ours.mjs'),
      logLevel: 'error',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
    await writeFile(join(directory, 'pythons.py'), PYTHONS);
    return new BothLoggings(directory);
  }

  /**
   * @param logging the section below `Logging` as YAML, where `DIR` is a directory for files
   * @param names what CPython calls the loggers
   */
  async run(
    logging: string,
    records: readonly LogRecord[],
    names: Readonly<Record<LogRecord['door'], string>>,
    zone: string,
  ): Promise<{ ours: Written; pythons: Written }> {
    const ourFiles = await this.#empty('ours');
    const file = join(this.#directory, 'statelessd.yaml');
    const indented = logging.replaceAll('DIR', ourFiles).replaceAll(/^/gm, '  ');
    await writeFile(file, `Logging:\n${indented}\n`);
    const env = { ...process.env, TZ: zone };
    const ours = spawn(process.execPath, [join(this.#directory, 'ours.mjs'), file, JSON.stringify(records)], { env });
    const ourWritten = await written(ours, ourFiles);
    return { ours: ourWritten, pythons: await this.pythons(logging, records, names, zone, ours.pid) };
  }

  /** What CPython writes, as if it were the process `pid`. */
  async pythons(
    logging: string,
    records: readonly LogRecord[],
    names: Readonly<Record<LogRecord['door'], string>>,
    zone: string | undefined,
    pid = 0,
  ): Promise<Written> {
    const files = await this.#empty('pythons');
    const config: unknown = parse(logging.replaceAll('DIR', files), { version: '1.1' });
    const given = [config, records, names, pid].map((argument) => JSON.stringify(argument));
    const program = join(this.#directory, 'pythons.py');
    const env = { ...process.env, TZ: zone, PYTHONIOENCODING: 'utf-8' };
    return written(spawn('/usr/bin/python3', [program, ...given], { env }), files);
  }

  async #empty(name: string): Promise<string> {
    const directory = join(this.#directory, name);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory);
    return directory;
  }

  close(): Promise<void> {
    return rm(this.#directory, { recursive: true, force: true });
  }
}

async function written(child: ChildProcess, directory: string): Promise<Written> {
  if (!child.stdout || !child.stderr) throw new Error('a process without streams');
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (status !== 0) throw new Error(stderr);
  const files = await Promise.all(
    (await readdir(directory)).map(async (name) => [name, await readFile(join(directory, name), 'latin1')]),
  );
  return { ...Object.fromEntries(files), stdout, stderr };
}
