import type { Context } from 'hono';
import { type BodyLimit, type BodyOutcome, readWebBody } from './body.ts';
import type { Client } from './publisher.ts';

/** What a runtime may know of a request beyond the Web's `Request`. Without it, the safe thing is assumed. */
export interface Bindings {
  /** The request target as it stood on the request line, for `Request.url` has `.` and `..` resolved. */
  readonly target?: string;
  readonly client?: Client;
  /** The client may read `/`, `/stats` and their like. */
  readonly operator?: boolean;
  /** For a runtime that has a cheaper way than the request's stream. */
  readBody?(limit: BodyLimit): Promise<BodyOutcome>;
  /** An id that no other request has, for a runtime that has something cheaper than a UUID. */
  newRequestId?(): string;
  /** Aborted when the client is gone, for a runtime that knows more of that than `Request.signal`. */
  readonly gone?: AbortSignal;
  /** As `Headers.get`, for a runtime that has a cheaper way. */
  header?(name: string): string | null;
  /** All headers whose names begin so, by their names in lower case, for a runtime that has a cheaper way. */
  headersFrom?(prefix: string): ReadonlyMap<string, string> | undefined;
}

export type AppContext = Context<{ Bindings: Bindings }>;

const NOWHERE: Client = { address: undefined, scope: 'unknown' };

// Without a runtime's bindings Hono leaves `env` undefined or empty, whatever its type says.
const bindingsOf = (c: AppContext): Bindings => c.env ?? {};

/**
 * The request target. Where a runtime does not give it, only a page's address may be taken from `Request.url`: to a
 * message it could be another address, with nothing to show for it.
 */
export function targetOf(request: Request, env: Bindings | undefined): string | undefined {
  if (env?.target !== undefined) return env.target;
  return request.method === 'GET' || request.method === 'HEAD' ? request.url : undefined;
}

/** The value of a request header, by its name in lower case. */
export const headerOf = (c: AppContext, name: string): string | null => {
  const bindings = bindingsOf(c);
  return bindings.header ? bindings.header(name) : c.req.raw.headers.get(name);
};

/** The request headers whose names begin so, in lower case; `undefined` for none. */
export function headersFrom(c: AppContext, prefix: string): ReadonlyMap<string, string> | undefined {
  const bindings = bindingsOf(c);
  if (bindings.headersFrom) return bindings.headersFrom(prefix);
  const found = new Map<string, string>();
  for (const [name, value] of c.req.raw.headers) if (name.startsWith(prefix)) found.set(name, value);
  return found.size > 0 ? found : undefined;
}

export const newRequestId = (c: AppContext): string => bindingsOf(c).newRequestId?.() ?? crypto.randomUUID();

export const clientOf = (c: AppContext): Client => bindingsOf(c).client ?? NOWHERE;

export const isOperator = (c: AppContext): boolean => bindingsOf(c).operator ?? false;

export const goneSignalOf = (c: AppContext): AbortSignal => bindingsOf(c).gone ?? c.req.raw.signal;

export const readBodyOf = (c: AppContext, limit: BodyLimit): Promise<BodyOutcome> => {
  const bindings = bindingsOf(c);
  return bindings.readBody ? bindings.readBody(limit) : readWebBody(c.req.raw, limit);
};
