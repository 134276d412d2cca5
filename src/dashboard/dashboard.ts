/** The page at `/`: it asks for the figures of all backends every second and shows them. */

import * as v from 'valibot';
import { type InstallationStats, installationStats } from '../handler/stats.ts';
import { showAnswers } from './answers.ts';
import { Charts } from './charts.ts';
import { ConnectionsTable } from './connections.ts';
import { ALL, statsIn, viewOf } from './figures.ts';
import { History } from './history.ts';
import { byId, element, say } from './page.ts';
import { notesOn, type State, stateOf } from './state.ts';
import { watchForm } from './test-message.ts';
import { Tiles } from './tiles.ts';
import { seconds } from './words.ts';

const EVERY_MS = 1_000;
const PATIENCE_MS = 5_000;

const history = new History();
const tiles = new Tiles(byId('tiles', HTMLElement));
const charts = new Charts(byId('charts', HTMLElement));
const connections = new ConnectionsTable();
const view = byId('view', HTMLSelectElement);

async function ask(): Promise<InstallationStats> {
  const address = new URL('stats?scope=all', document.baseURI);
  const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.status === 403) throw new Error('This address may not read the figures (HTTPServer.operations).');
  if (!response.ok) throw new Error(`The gateway answers ${address.pathname} with ${response.status}.`);
  return v.parse(installationStats, await response.json());
}

function show(): void {
  const { last, elapsed } = history;
  if (!last) return;
  offerViews(last.stats);
  const now = statsIn(view.value, last.stats);
  const figures = history.of(view.value);
  if (!now) {
    showState({ level: 'bad', word: 'Silent', sentence: 'This backend does not answer.' }, []);
    return;
  }
  const past = history.beforeOf(view.value);
  showState(stateOf(now, figures.at(-1)), notesOn(view.value, last.stats, figures));
  say(byId('identity', HTMLElement), `version ${now.version} on ${now.host}, up ${seconds(now.uptime)}`);
  tiles.show(figures.at(-1));
  charts.show(figures);
  showAnswers(now, past, elapsed);
  connections.show(now, past, elapsed);
}

function showState({ level, word, sentence }: State, notes: readonly string[]): void {
  byId('state', HTMLElement).dataset.level = level;
  say(byId('state-word', HTMLElement), word);
  say(byId('state-sentence', HTMLElement), sentence);
  byId('state-notes', HTMLElement).replaceChildren(...notes.map((note) => element('li', {}, note)));
}

/** One view for each backend there ever was: a silent one stays to be looked at. */
function offerViews({ backends }: InstallationStats): void {
  const known = new Set([...view.options].map(({ value }) => value));
  for (const backend of backends)
    if (!known.has(viewOf(backend)))
      view.append(element('option', { value: viewOf(backend) }, `${backend.port}, worker ${backend.worker}`));
}

function showSilence(reason: unknown): void {
  const since = history.last ? `for ${seconds((performance.now() - history.last.at) / 1000)}` : 'yet';
  const told = reason instanceof TypeError || reason instanceof DOMException ? '' : ` ${String(reason)}`;
  showState({ level: 'bad', word: 'No answer', sentence: `The gateway has not answered ${since}.${told}` }, []);
}

async function turn(): Promise<void> {
  if (!document.hidden) {
    try {
      history.add(await ask());
      show();
    } catch (reason) {
      showSilence(reason);
    }
  }
  setTimeout(() => void turn(), EVERY_MS);
}

view.value = ALL;
view.addEventListener('change', show);
watchForm();
void turn();
