import * as v from 'valibot';
import type { Config } from '../../config/config.ts';
import type { Slot } from '../gateway.ts';
import type { Snapshot, Survey } from '../statistics/snapshot.ts';
import { snapshotSchema, surveySchema } from '../statistics/snapshot-schema.ts';
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

/** A content that is passed on as it is: a schema of valibot's would make a copy of it. */
const is = <Content>(schema: v.GenericSchema<unknown, Content>) =>
  v.custom<Content>((content) => v.is(schema, content));

/** Only the supervisor says this, which has judged it: what a configuration is, is the business of src/config. */
const start = v.custom<Start>((content) =>
  v.is(v.looseObject({ config: v.looseObject({}), keys: v.looseObject({}), slot: v.looseObject({}) }), content),
);

/** From the supervisor. */
const order = v.variant('kind', [
  /** With it comes a bound socket, to do with what the next order says. */
  v.object({ kind: v.literal('socket') }),
  /** Have the kernel queue connections on the sockets that came before, for others to accept. */
  v.object({ kind: v.literal('listen') }),
  /** Serve on the sockets that came before. */
  v.object({ kind: v.literal('start'), start }),
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
  v.object({ kind: v.literal('survey'), id: v.number(), survey: is<Survey>(surveySchema) }),
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
  v.object({ kind: v.literal('snapshot'), id: v.number(), snapshot: is<Snapshot>(snapshotSchema) }),
  /** Ask all backends for their states. */
  v.object({ kind: v.literal('survey'), id: v.number() }),
  loginQuestion,
  loginReport,
]);

export type Report = v.InferOutput<typeof report>;

/** Undefined for what is no order. */
export const parseOrder = (message: unknown): Order | undefined => parsed(order, message);

/** Undefined for what is no report. */
export const parseReport = (message: unknown): Report | undefined => parsed(report, message);

function parsed<Message>(schema: v.GenericSchema<unknown, Message>, message: unknown): Message | undefined {
  const result = v.safeParse(schema, message);
  return result.success ? result.output : undefined;
}
