import * as v from 'valibot';

/** Whether requests should be sent here, and why not. */
export const readinessDocument = v.object({
  ready: v.boolean(),
  draining: v.boolean(),
  broker: v.pipe(
    v.picklist(['connected', 'reachable', 'unreachable']),
    v.description('connected: a connection is open. reachable: none is, and one could be opened'),
  ),
  blocked: v.pipe(v.nullable(v.string()), v.description('why the broker takes no messages at the moment')),
  unreachable: v.pipe(
    v.array(v.object({ host: v.string(), port: v.number(), cause: v.string() })),
    v.description('hosts of RabbitMQ to which the last attempt to connect failed, and why; for operators, else empty'),
  ),
  reason: v.pipe(v.string(), v.description('in words, for a person')),
});

export type Readiness = Readonly<v.InferOutput<typeof readinessDocument>>;

export type ReadinessSource = () => Readiness;
