import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * Names of this machine under which a browser may come: its host name, short and fully qualified, which stands in
 * /etc/hosts or is made of the domains in /etc/resolv.conf, as the resolver does.
 */
export function ownNames(name = hostname(), etc = '/etc'): readonly string[] {
  const own = plain(name);
  const [short = own] = own.split('.');
  const aliases = linesOf(join(etc, 'hosts'))
    .map(([_, ...names]) => names.map(plain))
    .filter((names) => names.includes(own))
    .flat();
  const domains = linesOf(join(etc, 'resolv.conf'))
    .filter(([word]) => word === 'search' || word === 'domain')
    .flatMap(([_, ...names]) => names.map(plain));
  const qualified = own === short ? domains.map((domain) => `${short}.${domain}`) : [];
  return [...new Set([own, short, ...aliases, ...qualified])];
}

const plain = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The words of each line, without comments. */
function linesOf(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) =>
        line
          .replace(/[#;].*/, '')
          .split(/\s+/)
          .filter(Boolean),
      );
  } catch {
    return [];
  }
}
