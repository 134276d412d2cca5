import amqp, { type GetMessage } from 'amqplib';
import * as v from 'valibot';
import { PICTURE } from './place.ts';

const MESSAGE = v.looseObject({ body: v.optional(v.string()), file: v.optional(v.literal('picture.png')) });
const MESSAGES = v.union([
  v.array(MESSAGE),
  v.pipe(
    MESSAGE,
    v.transform((message) => [message]),
  ),
]);

/** A message as the documents write it: its body in base64, and its properties by their AMQP names. */
type Arrival = Readonly<Record<string, unknown>>;

/** What `<!-- arrives: … -->` says. */
export function expectedArrivals(arrives: string | undefined): Arrival[] {
  return v.parse(MESSAGES, JSON.parse(arrives ?? '[]')).map(({ body = '', file, ...properties }) => ({
    ...properties,
    body: (file ? PICTURE : Buffer.from(body)).toString('base64'),
  }));
}

/** Empties the sample queue. */
export async function arrivals(port: number): Promise<Arrival[]> {
  const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${port}/test`);
  try {
    const channel = await connection.createChannel();
    const found: Arrival[] = [];
    for (;;) {
      const message = await channel.get('test', { noAck: true });
      if (message === false) return found;
      found.push(arrivalOf(message));
    }
  } finally {
    await connection.close();
  }
}

function arrivalOf({ content, fields, properties }: GetMessage): Arrival {
  const named = Object.entries(properties).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return { ...Object.fromEntries(named), routing_key: fields.routingKey, body: content.toString('base64') };
}
