import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const SCRIPT = new URL('../../scripts/unpack-promtool', import.meta.url).pathname;
const FOLDER = new URL('../../node_modules/.cache/promtool', import.meta.url).pathname;

/** What Prometheus finds wrong with metrics: nothing, if they are as they should be. */
export async function lintMetrics(text: string): Promise<string> {
  await promisify(execFile)(SCRIPT, [FOLDER]);
  const promtool = spawnSync(`${FOLDER}/usr/bin/promtool`, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return promtool.status === 0 ? '' : `${promtool.stdout}${promtool.stderr}${promtool.error ?? ''}`;
}
