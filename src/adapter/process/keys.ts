import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config/config.ts';

/** The contents of the PEM files that the configuration names. Only the supervisor may be able to read them. */
export interface Keys {
  readonly httpServer?: { readonly cert: string; readonly key: string };
  readonly rabbitmq?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
}

export type KeysOutcome = { readonly ok: true; readonly keys: Keys } | { readonly ok: false; readonly problem: string };

export function readKeys({ httpServer, application }: Config): KeysOutcome {
  const problems: string[] = [];
  const read = (key: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      problems.push(`${key}: expected a readable PEM file: ${error instanceof Error ? error.message : String(error)}`);
      return '';
    }
  };
  const http = httpServer.tls;
  const broker = application.rabbitmq.tls;
  const keys: Keys = {
    ...(http && {
      httpServer: {
        cert: read('HTTPServer.tls.cert', http.cert),
        key: read('HTTPServer.tls.key', http.key),
      },
    }),
    ...(broker && {
      rabbitmq: {
        ...(broker.ca !== undefined && {
          ca: read('Application.rabbitmq.tls.ca', broker.ca),
        }),
        ...(broker.cert !== undefined && {
          cert: read('Application.rabbitmq.tls.cert', broker.cert),
        }),
        ...(broker.key !== undefined && {
          key: read('Application.rabbitmq.tls.key', broker.key),
        }),
      },
    }),
  };
  if (problems.length === 0) {
    check('HTTPServer.tls', keys.httpServer, problems);
    check('Application.rabbitmq.tls', keys.rabbitmq, problems);
  }
  return problems.length > 0 ? { ok: false, problem: problems.join('\n') } : { ok: true, keys };
}

function check(key: string, pem: Keys['httpServer'] | Keys['rabbitmq'], problems: string[]): void {
  try {
    if (pem) createSecureContext(pem);
  } catch (error) {
    problems.push(
      `${key}: expected PEM files that go together: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
