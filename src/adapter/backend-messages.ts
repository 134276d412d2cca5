import * as v from 'valibot';
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../handler/log.ts';
import type { Slot } from './gateway.ts';
import type { Keys } from './keys.ts';

/** What a backend is given to start with, beside the socket that it is to listen on. */
export interface StartOrder {
  readonly kind: 'start';
  readonly config: Config;
  readonly keys: Keys;
  readonly slot: Slot;
  readonly logLevel: LogLevel;
  /** Whom to become. */
  readonly identity: Identity | undefined;
}

/** A system user, by its numbers. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** From the supervisor, which is the same program: the form of the order is not in doubt, only which one it is. */
export const order = v.variant('kind', [
  v.looseObject({ kind: v.literal('start') }),
  v.object({ kind: v.literal('drain') }),
]);

export const isStartOrder = (message: unknown): message is StartOrder =>
  v.is(order, message) && message.kind === 'start';

/** From a backend. */
export const report = v.variant('kind', [
  v.object({ kind: v.literal('ready') }),
  v.object({ kind: v.literal('failed'), code: v.string(), reason: v.string() }),
]);

export type Report = v.InferOutput<typeof report>;
