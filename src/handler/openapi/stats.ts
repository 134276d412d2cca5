import { freshAnswer, jsonAnswer } from './answers.ts';
import { component } from './components.ts';
import type { HandlerOperation, Parameter } from './operation.ts';
import { operatorsPage } from './pages.ts';

const SCOPE: readonly Parameter[] = [
  {
    name: 'scope',
    in: 'query',
    description: 'all: every backend of this installation; else the one that answers',
    schema: { enum: ['', 'all'] },
  },
];

export const stats = (): HandlerOperation =>
  operatorsPage(
    'stats',
    'What has been done',
    {
      200: jsonAnswer("One backend's figures; with scope=all those of each, and their sum.", {
        anyOf: [component('BackendStats'), component('InstallationStats')],
      }),
    },
    SCOPE,
  );

export const metrics = (): HandlerOperation =>
  operatorsPage(
    'metrics',
    'The same for Prometheus',
    { 200: freshAnswer("Prometheus' text format.", 'text/plain', { type: 'string' }) },
    SCOPE,
  );
