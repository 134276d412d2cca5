import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import amqp from 'amqplib';
import * as v from 'valibot';
import type { Topology } from '../../support/topology.ts';

/**
 * What a consumer made of a value: its type and the value (`int 200`, `float 1.5`, `string text`, `bytes base64`,
 * `null`, `time seconds`, `decimal 1.25`); an array or a table as one of these.
 */
export type Description = string | readonly Description[] | { readonly [name: string]: Description };

/** A message as a consumer read it, or the consumer's last words, where it could not read it. */
export type Reading =
  | {
      readonly body: Buffer;
      readonly properties: Readonly<Record<string, Description>>;
      readonly headers: Readonly<Record<string, Description>>;
    }
  | { readonly failed: string };

const FOLDER = fileURLToPath(new URL('../consumers/', import.meta.url));
const JAVA_PATH = '/usr/share/java/amqp-client.jar:/usr/share/java/slf4j-api.jar';

/** Debian's client libraries, and the programs that read with them. */
const COMMANDS = {
  'py-amqp': ['/usr/bin/python3', `${FOLDER}py_amqp.py`],
  kombu: ['/usr/bin/python3', `${FOLDER}kombu_consumer.py`],
  pika: ['/usr/bin/python3', `${FOLDER}pika_consumer.py`],
  'php-amqplib': ['php', `${FOLDER}amqplib.php`],
  "PHP's amqp extension": ['php', `${FOLDER}amqp_extension.php`],
  bunny: ['/usr/bin/ruby', `${FOLDER}bunny_consumer.rb`],
  'the Java client': ['java', '-XX:TieredStopAtLevel=1', '-cp'],
} as const;

export type Consumer = keyof typeof COMMANDS;

const isConsumer = (name: string): name is Consumer => name in COMMANDS;
export const consumers: readonly Consumer[] = Object.keys(COMMANDS).filter(isConsumer);

// A library that cannot read one kind of value may fail over many messages; each costs a start.
const MAX_FAILURES = 40;

const Line = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    body: v.string(),
    properties: v.record(v.string(), v.custom<Description>(isDescription)),
    headers: v.record(v.string(), v.custom<Description>(isDescription)),
  }),
);

function isDescription(value: unknown): boolean {
  if (typeof value === 'string') return true;
  return typeof value === 'object' && value !== null && Object.values(value).every(isDescription);
}

/** The consumers' programs, ready to run. */
export class ConsumerPrograms {
  readonly #classes: string;

  private constructor(classes: string) {
    this.#classes = classes;
  }

  static async build(): Promise<ConsumerPrograms> {
    const classes = await mkdtemp(join(tmpdir(), 'statelessd-java-'));
    const options = ['-proc:none', '-11', '-cp', JAVA_PATH, '-d', classes];
    await promisify(execFile)('ecj', [...options, `${FOLDER}JavaConsumer.java`]);
    return new ConsumerPrograms(classes);
  }

  async delete(): Promise<void> {
    await rm(this.#classes, { recursive: true, force: true });
  }

  /**
   * Reads so many messages from a queue. A message over which the consumer's program ends is taken out of its way,
   * and the program starts again.
   */
  async read(consumer: Consumer, topology: Topology, queue: string, count: number): Promise<readonly Reading[]> {
    const readings: Reading[] = [];
    let failures = 0;
    for (;;) {
      const { lines, ending } = await this.#run(consumer, topology, queue, count - readings.length);
      readings.push(...lines.map(readingOf));
      if (readings.length >= count) return readings;
      failures += 1;
      if (failures > MAX_FAILURES) throw new Error(`${consumer} fails over too many messages: ${ending}`);
      await takeOne(topology, queue);
      readings.push({ failed: ending });
      if (readings.length >= count) return readings;
    }
  }

  async #run(consumer: Consumer, topology: Topology, queue: string, count: number) {
    const [command, ...args] = COMMANDS[consumer];
    const { broker, vhost, user } = topology;
    const java = command === 'java' ? [`${this.#classes}:${JAVA_PATH}`, 'JavaConsumer'] : [];
    const where = [String(broker.port), vhost, user.username, user.password, queue, String(count)];
    const child = spawn(command, [...args, ...java, ...where], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', LC_ALL: 'C.UTF-8' },
    });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code, signal]: unknown[] = await once(child, 'close');
    // A consumer that has read all messages may still end badly: that is a failure of the programs above.
    if (lines.length === count && code !== 0) throw new Error(`${consumer} ended with ${code ?? signal}:\n${stderr}`);
    return { lines, ending: lastWords(stderr) || `ended with ${code ?? signal}` };
  }
}

/** What a program said before it ended, without the lines of a stack. */
const lastWords = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => /^[^\s#]/.test(line))
    .slice(-3)
    .join('\n');

function readingOf(line: string): Reading {
  const { body, properties, headers } = v.parse(Line, line);
  return {
    body: Buffer.from(body, 'base64'),
    properties: mapValues(properties, readable),
    headers: mapValues(headers, readable),
  };
}

/** The bits of a double as a number that a person can read, minus zero included. */
function readable(description: Description): Description {
  if (typeof description !== 'string')
    return isArray(description) ? description.map(readable) : mapValues(description, readable);
  const bits = /^float ([0-9a-f]{16})$/.exec(description)?.[1];
  if (bits === undefined) return description;
  const value = Buffer.from(bits, 'hex').readDoubleBE();
  return `float ${Object.is(value, -0) ? '-0' : value}`;
}

const isArray = (value: object): value is readonly Description[] => Array.isArray(value);

const mapValues = <T, U>(record: Readonly<Record<string, T>>, to: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

/** Takes the next message out of a queue, waiting for the one that a consumer has just given back by dying. */
async function takeOne(topology: Topology, queue: string): Promise<void> {
  const { username, password } = topology.user;
  const at = { hostname: '127.0.0.1', port: topology.broker.port, vhost: topology.segment };
  const connection = await amqp.connect({ ...at, username, password });
  try {
    const channel = await connection.createChannel();
    await channel.prefetch(1);
    await new Promise<void>((resolve, reject) => {
      const taken = channel.consume(queue, (message) => {
        if (message) channel.ack(message);
        resolve();
      });
      taken.catch(reject);
    });
    await channel.close();
  } finally {
    await connection.close();
  }
}
