import type { HeaderTable, HeaderValue } from '../publisher.ts';
import { isArray, isTable } from './table-size.ts';

/** The header in which the broker notes how a message came out of a queue. */
export const deathHeader = 'x-death';

/**
 * RabbitMQ before 3.13 reads this header when it dead-letters a message, and trusts it: an element that is no table, and
 * a `count` that is no integer, crash the queue, and then nobody can publish to it; so do `routing-keys` that are no
 * array to what delivers at least once. Other members it only compares.
 *
 * @returns what is wrong, each message naming the place
 * @see https://www.rabbitmq.com/docs/dlx#effects
 */
export function findBadDeaths(table: HeaderTable): readonly string[] {
  const deaths = table.get(deathHeader);
  if (deaths === undefined) return [];
  if (!isArray(deaths)) return [`${deathHeader}: expected an array of tables`];
  const bad: string[] = [];
  for (const [index, death] of deaths.entries()) {
    const message = faultOf(death);
    if (message !== undefined) bad.push(`${deathHeader}.${index}${message}`);
    if (bad.length === maxProblems) break;
  }
  return bad;
}

function faultOf(death: HeaderValue): string | undefined {
  if (!isTable(death)) return ': expected a table';
  if (death.has('count') && !isInteger(death.get('count'))) return '.count: expected an integer';
  const keys = death.get('routing-keys');
  return keys === undefined || isArray(keys) ? undefined : '.routing-keys: expected an array';
}

const maxProblems = 20;

/** The deaths of a form, whose values are all texts: the digits of a `count` become an integer. */
export function withIntegerCounts(deaths: HeaderValue): HeaderValue {
  if (!isArray(deaths)) return deaths;
  return deaths.map((death) => {
    const count = isTable(death) ? death.get('count') : undefined;
    if (!isTable(death) || typeof count !== 'string' || !digits.test(count)) return death;
    return new Map([...death, ['count', Number(count)]]);
  });
}

/** No more of them than a number holds exactly. */
const digits = /^\d{1,15}$/;

const isInteger = (value: HeaderValue | undefined): boolean => typeof value === 'bigint' || Number.isInteger(value);
