import { omit } from 'valibot';
import { problemDocument } from '../problem-document.ts';
import { readinessDocument } from '../readiness.ts';
import { backendStats, connectionStats, installationStats } from '../stats.ts';
import { definitionsOf, refTo, type Schema } from './schema.ts';

/** What stands in the document once, under a name. */
const COMPONENTS = {
  Problem: problemDocument,
  Readiness: readinessDocument,
  ConnectionStats: connectionStats,
  BackendStats: backendStats,
  InstallationStats: installationStats,
};

export const component = (name: keyof typeof COMPONENTS): Schema => ({ $ref: refTo(name) });

/** @param debug problems carry a stack */
export function componentSchemas(debug: boolean): Readonly<Record<keyof typeof COMPONENTS, Schema>> {
  return definitionsOf(debug ? COMPONENTS : { ...COMPONENTS, Problem: omit(problemDocument, ['stack']) });
}
