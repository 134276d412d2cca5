import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser with a profile of its own. */
export interface Browser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** @param args further options, as on its command line */
export async function openBrowser(...args: string[]): Promise<Browser> {
  const directory = await mkdtemp(join(tmpdir(), 'statelessd-browser-'));
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: CHROMIUM,
    args: [...ARGS, ...args],
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
