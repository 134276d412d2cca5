import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { ADMIN } from './definitions.ts';
import { pollUntil } from './poll.ts';

/** The management API's answer; `json` is undefined where it sent none. */
export interface ApiAnswer {
  readonly status: number;
  readonly json: unknown;
}

const REQUEST_TIMEOUT_MS = 30_000;

/** One call to the management API, as the administrator. `path` begins after /api, e.g. `/queues/%2f/test`. */
export async function callApi(port: number, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
  const answer = await send(port, method, path, body === undefined ? '' : JSON.stringify(body));
  return { status: answer.status, json: answer.body === '' ? undefined : parsed(answer.body) };
}

/** Waits until the API knows its administrator. */
export function apiAnswers(port: number, withinMs: number): Promise<boolean> {
  const ask = () => send(port, 'GET', '/whoami', '');
  return pollUntil(
    () =>
      ask().then(
        ({ status }) => status === 200,
        () => false,
      ),
    { withinMs },
  );
}

// node:http and not fetch: without its pool no connection outlives a broker that is killed and started again.
function send(port: number, method: string, path: string, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method,
      path: `/api${path}`,
      agent: false,
      auth: `${ADMIN.user}:${ADMIN.password}`,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const fail = (cause: unknown): void => reject(new Error(`no answer to ${method} ${path}: ${cause}`, { cause }));
    outgoing.once('error', fail);
    outgoing.once('response', (response) => {
      text(response).then((received) => resolve({ status: response.statusCode ?? 0, body: received }), fail);
    });
    outgoing.end(body);
  });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
