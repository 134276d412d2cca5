import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private certificate authority and a server certificate of it, as paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  delete(): void;
}

/** For 127.0.0.1 and localhost. */
export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'statelessd-tls-'));
  const path = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  };
  const subject = (name: string): string[] => ['-nodes', '-newkey', 'rsa:2048', '-subj', `/CN=${name}`];
  openssl('req', '-x509', ...subject('test authority'), '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2');
  openssl('req', ...subject('localhost'), '-keyout', 'key.pem', '-out', 'request.pem');
  writeFileSync(path('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl('x509', '-req', '-in', 'request.pem', ...signer, '-out', 'cert.pem', '-days', '2', '-extfile', 'extensions');
  return {
    ca: path('ca.pem'),
    cert: path('cert.pem'),
    key: path('key.pem'),
    delete: () => rmSync(directory, { recursive: true }),
  };
}
