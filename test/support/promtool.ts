import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../scripts/unpack-promtool', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/promtool', import.meta.url));

/** What Prometheus finds wrong with metrics: nothing, if they are as they should be. */
export async function lintMetrics(text: string): Promise<string> {
  await promisify(execFile)(SCRIPT, [FOLDER]);
  const promtool = spawnSync(`${FOLDER}/usr/bin/promtool`, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return promtool.status === 0 ? '' : `${promtool.stdout}${promtool.stderr}${promtool.error ?? ''}`;
}
