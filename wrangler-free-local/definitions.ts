import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';

/** The user with whom the tests administrate a private node. */
export const ADMIN = { user: 'admin', password: 'admin' } as const;

/** The sample topology's file: users, vhosts, exchanges, queues and bindings for the README's examples. */
export const SAMPLE_DEFINITIONS = fileURLToPath(new URL('definitions.json', import.meta.url));

/** As RabbitMQ's `export_definitions` writes them. */
export type Definitions = v.InferOutput<typeof DEFINITIONS>;

const DEFINITIONS = v.looseObject({
  users: v.optional(v.array(v.looseObject({ name: v.string() })), []),
  vhosts: v.optional(v.array(v.looseObject({ name: v.string() })), []),
  permissions: v.optional(v.array(v.looseObject({ user: v.string(), vhost: v.string() })), []),
});

/** Reads definitions, given themselves or as a file's path. */
export async function readDefinitions(source: object | string): Promise<Definitions> {
  const given: unknown = typeof source === 'string' ? JSON.parse(await readFile(source, 'utf8')) : source;
  return v.parse(DEFINITIONS, given);
}

/** The same definitions with an administrator who may do everything in each vhost. */
export function withAdmin(definitions: Definitions): Definitions {
  const { user, password } = ADMIN;
  return {
    ...definitions,
    users: [...definitions.users, { name: user, password, tags: ['administrator'] }],
    permissions: [
      ...definitions.permissions,
      ...definitions.vhosts.map(({ name }) => ({ user, vhost: name, configure: '.*', write: '.*', read: '.*' })),
    ],
  };
}
