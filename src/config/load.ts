import { readFileSync } from 'node:fs';
import { type Environment, readEnvironment } from './environment.ts';
import { type ConfigResult, parseConfig } from './parse.ts';

/** The configuration of the file at a path, if there is one, with the environment over it and the defaults below. */
export function loadConfig(path: string | undefined, env: Environment): ConfigResult {
  if (path === undefined) return parseConfig(undefined, env);
  const file = readText(path);
  if (file.ok) return parseConfig({ name: path, text: file.text }, env);
  const problem = { file: path, line: undefined, key: undefined, message: file.message };
  return { ok: false, problems: [problem, ...readEnvironment(env).problems] };
}

function readText(path: string): { ok: true; text: string } | { ok: false; message: string } {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    return { ok: false, message: `expected a readable file; ${reasons.get(code) ?? code}` };
  }
}

const reasons = new Map([
  ['EACCES', 'permission denied'],
  ['EISDIR', 'this is a directory'],
  ['ENOENT', 'there is none'],
  ['ENOTDIR', 'there is none'],
  ['ERR_ENCODING_INVALID_ENCODED_DATA', 'this is not UTF-8'],
]);
