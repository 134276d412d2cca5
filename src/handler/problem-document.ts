import * as v from 'valibot';

/** A problem on the wire (RFC 9457), with what this gateway adds to it. */
export const problemDocument = v.object({
  type: v.pipe(v.string(), v.startsWith('urn:statelessd:')),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.exactOptional(
    v.pipe(v.string(), v.description("the broker's reply text where it spoke about this message, else the gateway's")),
  ),
  published: v.pipe(
    v.picklist(['no', 'unknown']),
    v.description('no: the broker does not have the message, a retry is safe. unknown: a retry may duplicate it'),
  ),
  request_id: v.pipe(v.string(), v.description('the same as in the header X-Request-Id and in the logs')),
  errors: v.exactOptional(
    v.pipe(
      v.array(v.object({ field: v.string(), message: v.string() })),
      v.description('all that is wrong with the request; each field as the client wrote it'),
      v.readonly(),
    ),
  ),
  stack: v.exactOptional(v.pipe(v.string(), v.description('only under Application.debug'))),
});

export type ProblemDocument = v.InferOutput<typeof problemDocument>;
