import * as v from 'valibot';

/** `Prefer: respond-async` (RFC 7240): what is not done in time goes on after the answer. */

export const pendingDocument = v.object({ published: v.literal('pending'), request_id: v.string() });

/** What comes within so long, or undefined; in no time at all, what is there already. */
export function within<T>(milliseconds: number, coming: Promise<T>): Promise<T | undefined> {
  return Promise.race([coming, milliseconds > 0 ? after(milliseconds) : settledNow()]);
}

const after = (milliseconds: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));

/** A settled outcome comes through this many promises at most: a batch's through several of its own. */
const PROMISES = 16;

/** Lets an outcome win that is there already, such as a refusal for a blocked broker. */
async function settledNow(): Promise<undefined> {
  for (let promise = 0; promise < PROMISES; promise += 1) await undefined;
}

export function pending(requestId: string): Response {
  const body: v.InferOutput<typeof pendingDocument> = { published: 'pending', request_id: requestId };
  return new Response(JSON.stringify(body), {
    status: 202,
    headers: {
      'Content-Type': 'application/json',
      'Preference-Applied': 'respond-async',
      'X-Request-Id': requestId,
    },
  });
}
