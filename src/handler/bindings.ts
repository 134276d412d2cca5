import type { Context } from 'hono';
import { type ReadBody, readBodyOf } from './body.ts';
import type { Client } from './publisher.ts';

/** What a runtime may know of a request beyond the Web's `Request`. Without it, the safe thing is assumed. */
export interface Bindings {
  /** The request target as it stood on the request line, for `Request.url` has `.` and `..` resolved. */
  readonly target?: string;
  readonly client?: Client;
  /** The client may read `/`, `/stats` and their like. */
  readonly operator?: boolean;
  readonly readBody?: ReadBody;
}

export type AppContext = Context<{ Bindings: Bindings }>;

const NOWHERE: Client = { address: undefined, scope: 'unknown' };

// Without a runtime's bindings Hono leaves `env` undefined or empty, whatever its type says.
const bindingsOf = (c: AppContext): Bindings => c.env ?? {};

export const targetOf = (request: Request, env: Bindings | undefined): string => env?.target ?? request.url;

export const clientOf = (c: AppContext): Client => bindingsOf(c).client ?? NOWHERE;

export const isOperator = (c: AppContext): boolean => bindingsOf(c).operator ?? false;

export const bodyReaderOf = (c: AppContext): ReadBody => bindingsOf(c).readBody ?? readBodyOf(c.req.raw);
