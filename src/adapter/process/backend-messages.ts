import * as v from 'valibot';
import type { Config } from '../../config/config.ts';
import type { Slot } from '../gateway.ts';
import type { Snapshot, Survey } from '../statistics/snapshot.ts';
import type { Keys } from './keys.ts';
import { loginAnswer, loginQuestion, loginReport } from './login-messages.ts';

/** What a backend is given to start with, beside the sockets that it is to listen on. */
export interface Start {
  readonly config: Config;
  readonly keys: Keys;
  readonly slot: Slot;
  /** Whom to become. */
  readonly identity: Identity | undefined;
}

/** A system user, by its numbers. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Both ends are the same program: which message it is may be in doubt, what is in it is not. */
const own = <Content>() => v.custom<Content>((content) => typeof content === 'object' && content !== null);

/** From the supervisor. */
const order = v.variant('kind', [
  /** With it comes a bound socket, to do with what the next order says. */
  v.object({ kind: v.literal('socket') }),
  /** Have the kernel queue connections on the sockets that came before, for others to accept. */
  v.object({ kind: v.literal('listen') }),
  /** Serve on the sockets that came before. */
  v.object({ kind: v.literal('start'), start: own<Start>() }),
  /** Accept no more connections, and serve those that there are. */
  v.object({ kind: v.literal('release') }),
  /** A stop is coming: say so on `/readyz`, and go on. */
  v.object({ kind: v.literal('announce') }),
  /** Stop now. */
  v.object({ kind: v.literal('drain') }),
  /** A successor serves already; idle connections end by themselves. */
  v.object({ kind: v.literal('retire') }),
  /** Tell your state. */
  v.object({ kind: v.literal('snapshot'), id: v.number() }),
  /** The answer to a backend's question. */
  v.object({ kind: v.literal('survey'), id: v.number(), survey: own<Survey>() }),
  loginAnswer,
]);

export type Order = v.InferOutput<typeof order>;

/** From a backend. */
const report = v.variant('kind', [
  /** The program is loaded. */
  v.object({ kind: v.literal('loaded') }),
  v.object({ kind: v.literal('listening') }),
  v.object({ kind: v.literal('ready') }),
  v.object({ kind: v.literal('released') }),
  v.object({ kind: v.literal('failed'), code: v.string(), reason: v.string() }),
  /** The answer to the supervisor's question. */
  v.object({ kind: v.literal('snapshot'), id: v.number(), snapshot: own<Snapshot>() }),
  /** Ask all backends for their states. */
  v.object({ kind: v.literal('survey'), id: v.number() }),
  loginQuestion,
  loginReport,
]);

export type Report = v.InferOutput<typeof report>;

export const parseOrder = (message: unknown): Order => v.parse(order, message);

export const parseReport = (message: unknown): Report => v.parse(report, message);
