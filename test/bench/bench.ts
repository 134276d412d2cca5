/**
 * `npm run bench [ROUNDS]`: statelessd beside what one would use instead, on one broker, and the table of targets. Writes
 * docs/benchmarks.md and its plots. A quarter of an hour, on a machine that does nothing else.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { barChart } from './comparison/chart.ts';
import { openPlace } from './comparison/place.ts';
import { type Median, measureAll, median, type Sample } from './comparison/sample.ts';
import {
  batchSection,
  floorSection,
  formsSection,
  growthSection,
  phpSection,
  type Section,
} from './comparison/sections.ts';
import { atLeast, atMost, type Target } from './comparison/targets.ts';
import { measureStarts } from './starts.ts';

const rounds = Number(process.argv[2] ?? 3);
const DOCS = new URL('../../docs/', import.meta.url);
const say = (line: string): void => console.log(line);

execFileSync(fileURLToPath(new URL('../../scripts/install-debian', import.meta.url)), ['wrk', 'php', 'php-libraries'], {
  stdio: 'inherit',
});
const place = await openPlace();
const results = new Map<string, readonly Sample[]>();
const tables: string[] = [];

async function measure(section: Section): Promise<void> {
  say(`\n${section.title}`);
  const samples = await measureAll(section.subjects, rounds, say);
  await section.close();
  for (const [name, all] of samples) results.set(name, all);
  tables.push(tableOf(section.title, samples));
}

await measure(floorSection(place));
await measure(formsSection(place));
await measure(batchSection(place));
await measure(phpSection(place));
say('\nOpening a thousand connections');
const growth = await growthSection(place);
await measure(growth);
say('\nStarting again and again');
const starts = await measureStarts(place.topology, 9);
const ready = median(starts.map(({ readyMs }) => readyMs)).value;
await place.close();

const of = (name: string, figure: (sample: Sample) => number): number =>
  median((results.get(name) ?? []).map(figure)).value;
const rate = (name: string): number => of(name, (sample) => sample.rate);
const micros = (name: string): number => of(name, (sample) => sample.micros ?? Number.NaN);
const brokerMicros = (name: string): number => of(name, (sample) => sample.brokerMicros);
const p50 = (name: string): number => of(name, (sample) => sample.p50);

const SINGLE = 'statelessd, 1 KB, 64 clients';
const ALONE = 'statelessd, 1 KB, 1 client';
const RAW = 'floor: rabbitmq-client confirms 1 KB, 64 at once';
const HTTP = 'floor: Hono reads 1 KB and answers, 64 clients';
const BOTH = 'floor: both at once';
const API = 'management API, 1 KB, 64 clients';
const EXTENSION = 'amqp extension, 32 processes';
const CURL = 'curl to statelessd, 32 processes';

const targets: readonly Target[] = [
  atMost(
    'gateway CPU of a post, against the floor, each half alone',
    1.15,
    micros(SINGLE) / (micros(HTTP) + micros(RAW)),
  ),
  atMost('gateway CPU of a post, against the floor, both halves at once', 1.15, micros(SINGLE) / micros(BOTH)),
  atLeast('rate of posts, against the management API', 10, rate(SINGLE) / rate(API)),
  atMost('broker CPU of a message, against the management API', 0.1, brokerMicros(SINGLE) / brokerMicros(API)),
  atLeast('rate of PHP, against the amqp extension, 32 processes', 6, rate(CURL) / rate(EXTENSION)),
  atMost('median latency of PHP, against the amqp extension', 0.2, p50(CURL) / p50(EXTENSION)),
  atMost(
    'broker CPU of PHP’s message, against the amqp extension',
    1 / 15,
    brokerMicros(CURL) / brokerMicros(EXTENSION),
  ),
  atMost(
    'latency added to a persistent connection’s confirm, one client',
    0.3,
    p50(ALONE) - p50('floor: rabbitmq-client confirms 1 KB, 1 at once'),
    ' ms',
  ),
  atMost('20 KB, one client, over 1 KB', 0.5, p50('raw, 20 KB, 1 client') - p50(ALONE), ' ms'),
  atMost('64 KB, one client, over 1 KB', 0.5, p50('raw, 64 KB, 1 client') - p50(ALONE), ' ms'),
  atMost(
    'CPU of a message in a batch of 1,000, against rabbitmq-client',
    1.3,
    micros('batches of 1,000') / micros(RAW),
  ),
  atLeast('CPU of a post, against a message in a batch of 1,000', 4, micros(SINGLE) / micros('batches of 1,000')),
  atMost('CPU of a message over 1,000 connections, against one', 1.2, micros('1,000 users') / micros('1 user')),
  atMost('memory of an idle connection', 40, growth.kilobytesAConnection, ' KB'),
  atMost('CPU of a message over 100 exchanges, against one', 1.2, micros('100 exchanges') / micros('1 exchange')),
  atLeast('rate of two backends, against one', 1.8, rate('two backends') / rate('one backend')),
  atMost('start to ready', 500, ready, ' ms'),
];

const [cpu] = cpus();
const machine =
  `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}; RabbitMQ ` +
  `${execFileSync('dpkg-query', ['-W', '-f', '$' + '{Version}', 'rabbitmq-server'], { encoding: 'utf8' })}; wrk; ` +
  'gateway, broker and clients on the same machine';

const plots = [
  [
    'posts',
    'CPU of the gateway for one message',
    'µs',
    [HTTP, RAW, SINGLE, 'batches of 100', 'batches of 1,000'],
    micros,
  ],
  ['rates', 'Messages a second', '/s', [API, EXTENSION, CURL, SINGLE, 'batches of 1,000'], rate],
  [
    'broker',
    'CPU of the broker for one message',
    'µs',
    [API, EXTENSION, CURL, SINGLE, 'batches of 1,000'],
    brokerMicros,
  ],
] as const;
for (const [name, title, unit, names, figure] of plots) {
  const bars = names.map((each) => ({ name: each, value: figure(each) }));
  await writeFile(new URL(`benchmarks-${name}.svg`, DOCS), barChart(title, unit, bars));
}

const targetRows = targets.map(
  ({ what, wanted, measured, met }) => `| ${what} | ${wanted} | ${measured} | ${met ? 'met' : '**missed**'} |`,
);
await writeFile(
  new URL('benchmarks.md', DOCS),
  [
    '# Benchmarks',
    '',
    'Written by `npm run bench`, which measures all of it in one run: each subject in turn, after a second of warm-up, for three',
    `seconds, ${rounds} rounds, every other one backwards. Figures are medians; in brackets, the lowest and the highest.`,
    '',
    `${machine}.`,
    '',
    '## Targets',
    '',
    '| what | wanted | measured | |',
    '| --- | ---: | ---: | --- |',
    ...targetRows,
    '',
    'Why some are missed, and what was tried: [performance.md](performance.md#targets-that-are-missed-and-why).',
    '',
    ...plots.flatMap(([name, title]) => [`![${title}](benchmarks-${name}.svg)`, '']),
    ...tables,
    'The floor is what nobody can do without on this platform: Hono on its Node adapter that reads the same body and answers',
    '204, and rabbitmq-client that publishes the same message with a confirm, each in a process that does nothing else: one',
    'after the other, and both at once, for a gateway cannot do the one without the other, and cores and caches are shared.',
    'What was tried to come near it stands in [performance.md](performance.md).',
    '',
  ].join('\n'),
);
for (const { what, wanted, measured, met } of targets)
  say(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured} (${wanted})`);

function tableOf(title: string, samples: ReadonlyMap<string, readonly Sample[]>): string {
  const rows = [...samples].map(([name, all]) => {
    const figures = [
      withSpread(median(all.map((sample) => sample.rate)), 0),
      all.every((sample) => sample.micros !== undefined)
        ? withSpread(median(all.map((sample) => sample.micros ?? 0)), 1)
        : '–',
      withSpread(median(all.map((sample) => sample.brokerMicros)), 0),
      median(all.map((sample) => sample.p50)).value.toFixed(2),
      median(all.map((sample) => sample.p99)).value.toFixed(1),
    ];
    return `| ${name} | ${figures.join(' | ')} |`;
  });
  return [
    `## ${title}`,
    '',
    '| | messages a second | own CPU a message, µs | broker CPU a message, µs | p50, ms | p99, ms |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n');
}

function withSpread({ value, low, high }: Median, digits: number): string {
  return `${value.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
