import { createHash } from 'node:crypto';

/** A digest of constant length. Nobody finds a second value for it. */
export const digestOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url');
