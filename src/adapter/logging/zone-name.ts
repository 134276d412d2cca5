import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** A zone's name for one offset from UTC. */
interface Name {
  readonly name: string;
  readonly offsetMinutes: number;
}

const NAME = '(?:<([^>]+)>|([A-Za-z]{3,}))';
const OFFSET = String.raw`([-+]?\d{1,3}(?::\d\d){0,2})`;
const RULE = new RegExp(`^${NAME}${OFFSET}(?:${NAME}${OFFSET}?(?:,.*)?)?$`);

const known = new Map<string | undefined, readonly Name[]>();

/** What C's `%Z` says: `CEST`, where JavaScript has a sentence. */
export function zoneName(date: Date): string {
  const { TZ } = process.env;
  const names = known.get(TZ) ?? namesOf(ruleOf(TZ));
  known.set(TZ, names);
  const offset = -date.getTimezoneOffset();
  return names.find(({ offsetMinutes }) => offsetMinutes === offset)?.name ?? nameByJavaScript(date);
}

/**
 * The rule for the present, in POSIX' words, which stands at the end of a zone's file: `CET-1CEST,M3.5.0,M10.5.0/3`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9636#section-3.3
 */
function ruleOf(zone: string | undefined): string {
  if (zone === '') return 'UTC0';
  const name = zone?.replace(/^:/, '');
  const file = name === undefined ? '/etc/localtime' : resolve('/usr/share/zoneinfo', name);
  try {
    return readFileSync(file, 'latin1').trimEnd().split('\n').at(-1) ?? '';
  } catch {
    return name ?? 'UTC0';
  }
}

function namesOf(rule: string): Name[] {
  const [, quoted, plain, standard, quotedSummer, plainSummer, summer] = RULE.exec(rule) ?? [];
  const name = quoted ?? plain;
  if (name === undefined || standard === undefined) return [];
  const offsetMinutes = minutesOf(standard);
  const nameInSummer = quotedSummer ?? plainSummer;
  if (nameInSummer === undefined) return [{ name, offsetMinutes }];
  const inSummer = summer === undefined ? offsetMinutes + 60 : minutesOf(summer);
  return [
    { name, offsetMinutes },
    { name: nameInSummer, offsetMinutes: inSummer },
  ];
}

/** POSIX counts westwards. */
function minutesOf(offset: string): number {
  const [hours = 0, minutes = 0] = offset.replace(/^[-+]/, '').split(':').map(Number);
  return (offset.startsWith('-') ? 1 : -1) * (hours * 60 + minutes) || 0;
}

function nameByJavaScript(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}
