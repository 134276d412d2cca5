import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config/config.ts';

/** The contents of the PEM files that the configuration names. Only the supervisor may be able to read them. */
export interface Keys {
  readonly httpServer?: PemFiles & { readonly cert: string; readonly key: string };
  readonly rabbitmq?: PemFiles;
}

interface PemFiles {
  /** The authorities that the other side's certificate is checked against. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export type KeysOutcome = { readonly ok: true; readonly keys: Keys } | { readonly ok: false; readonly problem: string };

/** Reads the files and judges whether TLS could work with them. The problem has a line for each file that is wrong. */
export function readKeys({ httpServer, application }: Config): KeysOutcome {
  const problems: string[] = [];
  const read = (key: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      problems.push(`${key}: expected a readable PEM file: ${messageOf(error)}`);
      return '';
    }
  };
  const http = httpServer.tls;
  const broker = application.rabbitmq.tls;
  const httpKey = 'HTTPServer.tls';
  const brokerKey = 'Application.rabbitmq.tls';
  const keys: Keys = {
    ...(http && {
      httpServer: {
        cert: read(`${httpKey}.cert`, http.cert),
        key: read(`${httpKey}.key`, http.key),
        ...(http.clientCa !== undefined && { ca: read(`${httpKey}.client_ca`, http.clientCa) }),
      },
    }),
    ...(broker && {
      rabbitmq: {
        ...(broker.ca !== undefined && { ca: read(`${brokerKey}.ca`, broker.ca) }),
        ...(broker.cert !== undefined && { cert: read(`${brokerKey}.cert`, broker.cert) }),
        ...(broker.key !== undefined && { key: read(`${brokerKey}.key`, broker.key) }),
      },
    }),
  };
  if (problems.length === 0) {
    problems.push(
      ...problemsOf(httpKey, `${httpKey}.client_ca`, keys.httpServer),
      ...problemsOf(brokerKey, `${brokerKey}.ca`, keys.rabbitmq),
    );
  }
  return problems.length > 0 ? { ok: false, problem: problems.join('\n') } : { ok: true, keys };
}

/** What OpenSSL would find only when it needs them, or never: it takes an empty file for no certificate at all. */
function problemsOf(section: string, caKey: string, pem: PemFiles | undefined): string[] {
  if (pem === undefined) return [];
  const { ca, cert, key } = pem;
  const problems: string[] = [];
  const judge = (path: string, expected: string, isSo: () => boolean): void => {
    let reason = '';
    try {
      if (isSo()) return;
    } catch (error) {
      reason = `: ${messageOf(error)}`;
    }
    problems.push(`${path}: expected ${expected}${reason}`);
  };
  if (ca !== undefined) judge(caKey, 'a PEM file of certificates', () => certificatesIn(ca).length > 0);
  if (cert !== undefined) judge(`${section}.cert`, 'a PEM file of certificates', () => certificatesIn(cert).length > 0);
  if (key !== undefined) {
    judge(`${section}.key`, 'a PEM file with a private key that no passphrase locks', () => {
      createPrivateKey(key);
      return true;
    });
  }
  if (problems.length > 0 || cert === undefined || key === undefined) return problems;
  judge(`${section}.key`, `the private key of ${section}.cert`, () => {
    const [certificate] = certificatesIn(cert);
    return certificate?.checkPrivateKey(createPrivateKey(key)) ?? false;
  });
  if (problems.length > 0) return problems;
  judge(section, 'PEM files that go together', () => {
    createSecureContext(pem);
    return true;
  });
  return problems;
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]*?-----END \1-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
