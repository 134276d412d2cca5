import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A POST, over and over. */
export interface Post {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Other paths and headers in place of those, in turn. */
  readonly turns?: readonly Pick<Post, 'path' | 'headers'>[];
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
  await writeFile(file('body'), post.body);
  await writeFile(file('post.lua'), script(post, file('body')));
  const url = `http://127.0.0.1:${post.port}${post.path}`;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', file('post.lua'), url];
  const { stdout } = await promisify(execFile)('wrk', args);
  await rm(directory, { recursive: true });
  const [, figures = ''] = /^RESULT\t(.*)$/m.exec(stdout) ?? [];
  const [requests = 0, micros = 0, p50 = 0, p99 = 0, errors = 0] = figures.split('\t').map(Number);
  if (requests === 0 || errors > 0) throw new Error(`${url}: ${errors} of ${requests} failed:\n${stdout}`);
  return { requests, seconds: micros / 1e6, p50: p50 / 1000, p99: p99 / 1000 };
}

function script({ path, headers, turns = [{ path, headers }] }: Post, bodyFile: string): string {
  const requests = turns.map((turn) => {
    const lines = Object.entries(turn.headers).map(([name, value]) => `[${lua(name)}] = ${lua(value)}`);
    return `  wrk.format("POST", ${lua(turn.path)}, { ${lines.join(', ')} }, body),`;
  });
  return `local body = io.open(${lua(bodyFile)}, "rb"):read("*a")
local requests, turn = {}, 0
init = function()
  requests = {
${requests.join('\n')}
  }
end
request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
done = function(summary, latency)
  local e = summary.errors
  print("RESULT", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout)
end
`;
}

const lua = (text: string): string => JSON.stringify(text);
