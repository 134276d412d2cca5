import * as v from 'valibot';

/** What backends and supervisor say to each other about logins, which the supervisor counts for all of them. */

const id = v.pipe(v.number(), v.integer());

/** See `digestOf`. */
const digest = v.pipe(v.string(), v.length(43));

/** From a backend: may this login be tried? */
export const loginQuestion = v.object({
  kind: v.literal('login'),
  id,
  /** As long as a timer can run. */
  withinMs: v.pipe(v.number(), v.minValue(0), v.maxValue(2 ** 31 - 1)),
  attempt: v.object({
    login: digest,
    credentials: digest,
    username: v.undefinedable(digest),
    addressed: v.boolean(),
    hearsay: v.boolean(),
    origin: digest,
    place: digest,
  }),
});

/** From the supervisor: it may, or not yet. */
export const loginAnswer = v.object({
  kind: v.literal('login'),
  id,
  /** Undefined where it may. */
  retryAfterSeconds: v.optional(v.pipe(v.number(), v.minValue(0))),
});

/** From a backend: what became of a login that was permitted. */
export const loginReport = v.object({
  kind: v.literal('login-ended'),
  id,
  verdict: v.picklist(['succeeded', 'refused', 'limited', 'released']),
});

export type LoginQuestion = v.InferOutput<typeof loginQuestion>;
export type LoginAnswer = v.InferOutput<typeof loginAnswer>;
export type LoginReport = v.InferOutput<typeof loginReport>;
