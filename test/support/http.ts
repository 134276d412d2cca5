import { Agent, request as httpRequest, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Exchange, expectDescribed } from './described.ts';
import type { User } from './topology.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Exchange['headers'];
  readonly text: string;
  readonly problem: Problem;
}

/** A problem document, as far as tests look at it. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly published?: string;
  readonly request_id?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

export interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly user?: User;
  readonly body?: string | Uint8Array;
  /** Sends the body chunked and not with a Content-Length. */
  readonly chunked?: boolean;
  /** Breaks the connection off. */
  readonly signal?: AbortSignal;
}

export const basic = ({ username, password }: User): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** One request on a connection of its own, unless an agent is given; the path goes out as it is. */
export function http(
  target: number | string,
  path: string,
  call: Call = {},
  agent: Agent | false = false,
): Promise<Answer> {
  const { method = 'POST', headers = {}, user, body = '', chunked = false, signal } = call;
  const options: RequestOptions = {
    ...(typeof target === 'number' ? { host: '127.0.0.1', port: target } : { socketPath: target }),
    method,
    path,
    agent,
    ...(signal && { signal }),
    headers: {
      ...(user && { authorization: basic(user) }),
      ...(method === 'GET' || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      ...(chunked && { 'transfer-encoding': 'chunked' }),
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(options);
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      buffer(response)
        .then((bytes) => answerOf({ method, target: path, status, headers: answered, text: bytes.toString() }))
        .then(resolve, reject);
    });
    outgoing.end(method === 'GET' ? undefined : body);
  });
}

/** The answer to a request, which is checked to be as the gateway's OpenAPI document describes it. */
export function answerOf(exchange: Exchange): Answer {
  expectDescribed(exchange);
  const { status, headers, text } = exchange;
  return {
    status,
    headers,
    text,
    get problem(): Problem {
      return JSON.parse(text);
    },
  };
}

/** Sends raw bytes and gives back all that came until the server closed the connection. */
export function raw(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

export const keepAliveAgent = (maxSockets: number): Agent => new Agent({ keepAlive: true, maxSockets });
