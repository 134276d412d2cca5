import * as v from 'valibot';
import type { Config } from '../../config/config.ts';
import type { Slot } from '../gateway.ts';
import type { Keys } from './keys.ts';

/** What a backend is given to start with, beside the socket that it is to listen on. */
export interface StartOrder {
  readonly kind: 'start';
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

/** `drain`: stop now. `retire`: a successor serves already; idle connections end by themselves. */
const ending = v.object({ kind: v.picklist(['drain', 'retire']) });

export type Order = v.InferOutput<typeof ending>;

/** The supervisor is the same program: which order it is may be in doubt, what is in it is not. */
export const isStartOrder = (message: unknown): message is StartOrder =>
  v.is(v.looseObject({ kind: v.literal('start') }), message);

export const isEndingOrder = (message: unknown): message is Order => v.is(ending, message);

/** From a backend. */
export const report = v.variant('kind', [
  v.object({ kind: v.literal('ready') }),
  v.object({ kind: v.literal('failed'), code: v.string(), reason: v.string() }),
]);

export type Report = v.InferOutput<typeof report>;
