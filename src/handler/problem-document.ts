import * as v from 'valibot';

const place = v.pipe(v.number(), v.integer(), v.minValue(0), v.description('its place in the batch, from 0'));

/** What became of one message of a batch. */
const batchResult = v.object({
  index: place,
  status: v.pipe(v.number(), v.integer()),
  type: v.exactOptional(v.string()),
  detail: v.exactOptional(v.string()),
  published: v.picklist(['yes', 'no', 'unknown']),
});

export type BatchResult = v.InferOutput<typeof batchResult>;

/** A problem on the wire (RFC 9457), with what this gateway adds to it. */
export const problemDocument = v.object({
  type: v.pipe(v.string(), v.startsWith('urn:statelessd:')),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.exactOptional(
    v.pipe(v.string(), v.description("the broker's reply text where it spoke about this message, else the gateway's")),
  ),
  published: v.pipe(
    v.picklist(['no', 'unknown', 'partial']),
    v.description(
      'no: the broker does not have the message, a retry is safe. unknown: a retry may duplicate it. partial: see results',
    ),
  ),
  request_id: v.pipe(v.string(), v.description('the same as in the header X-Request-Id and in the logs')),
  errors: v.exactOptional(
    v.pipe(
      v.array(v.object({ index: v.exactOptional(place), field: v.string(), message: v.string() })),
      v.description('all that is wrong with the request; each field as the client wrote it'),
      v.readonly(),
    ),
  ),
  results: v.exactOptional(
    v.pipe(v.array(batchResult), v.description('of each message of a batch, in order'), v.readonly()),
  ),
  stack: v.exactOptional(v.pipe(v.string(), v.description('only under Application.debug'))),
});

export type ProblemDocument = v.InferOutput<typeof problemDocument>;
