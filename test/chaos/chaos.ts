/**
 * `npm run chaos [FAULT …]`: every fault, or those whose names begin so, with more messages than the test suite takes
 * time for; then poison among innocents against a clean run. All of it on the machine's RabbitMQ, and on another version.
 * Writes docs/reliability.md when all were run.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { otherRabbitmq } from '../support/other-rabbitmq.ts';
import { isClean } from './ledger.ts';
import { PAGE, report } from './report.ts';
import { survey } from './survey.ts';

const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix));

const surveys = [await survey({}, isWanted), await survey({ installation: await otherRabbitmq() }, isWanted)];
if (wanted.length === 0) await writeFile(PAGE, report(surveys, await readFile(PAGE, 'utf8')));
if (!surveys.every(({ rows }) => rows.every(({ verdict }) => isClean(verdict)))) process.exitCode = 1;
