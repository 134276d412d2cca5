import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** One kind of POST, over and over. */
export interface Post {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Has wrk send it on so many connections for so long. Any answer that is not a 2xx is an error. */
export async function wrk(post: Post, connections: number, seconds: number): Promise<WrkResult> {
  const directory = await mkdtemp(join(tmpdir(), 'statelessd-wrk-'));
  const file = (name: string): string => join(directory, name);
  const headers = Object.entries(post.headers).map(([name, value]) => `wrk.headers[${lua(name)}] = ${lua(value)}`);
  await writeFile(file('body'), post.body);
  await writeFile(
    file('post.lua'),
    [
      'wrk.method = "POST"',
      `wrk.body = io.open(${lua(file('body'))}, "rb"):read("*a")`,
      ...headers,
      'done = function(summary, latency)',
      '  local e = summary.errors',
      '  print("RESULT", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),',
      '    e.connect + e.read + e.write + e.status + e.timeout)',
      'end',
    ].join('\n'),
  );
  const url = `http://127.0.0.1:${post.port}${post.path}`;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', file('post.lua'), url];
  const { stdout } = await promisify(execFile)('wrk', args);
  await rm(directory, { recursive: true });
  const [, ...figures] = /^RESULT\t(.*)$/m.exec(stdout) ?? [];
  const [requests = 0, micros = 0, p50 = 0, p99 = 0, errors = 0] = (figures[0] ?? '').split('\t').map(Number);
  if (requests === 0 || errors > 0) throw new Error(`${url}: ${errors} of ${requests} failed:\n${stdout}`);
  return { requests, seconds: micros / 1e6, p50: p50 / 1000, p99: p99 / 1000 };
}

const lua = (text: string): string => JSON.stringify(text);
