import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private certificate authority, a server certificate and a client certificate of it, as paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
  delete(): void;
}

/** The server's is for 127.0.0.1 and localhost. */
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
  openssl('req', ...subject('shop'), '-keyout', 'client.key', '-out', 'request.pem');
  openssl('x509', '-req', '-in', 'request.pem', ...signer, '-out', 'client.pem', '-days', '2');
  return {
    ca: path('ca.pem'),
    cert: path('cert.pem'),
    key: path('key.pem'),
    clientCert: path('client.pem'),
    clientKey: path('client.key'),
    delete: () => rmSync(directory, { recursive: true }),
  };
}
