import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownNames } from '../../src/adapter/process/own-names.ts';

describe('The names of a machine', () => {
  const named = (name: string, files: Readonly<Record<string, string>> = {}): string[] => {
    const etc = mkdtempSync(join(tmpdir(), 'statelessd-etc-'));
    onTestFinished(() => rmSync(etc, { recursive: true }));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(etc, file), text);
    return [...ownNames(name, etc)].toSorted();
  };

  it('are its host name and the first part of it, in lower case', () => {
    expect(named('Web1.Example.com')).toEqual(['web1', 'web1.example.com']);
    expect(named('web1')).toEqual(['web1']);
  });

  it('are those beside it in /etc/hosts, and no others there', () => {
    const hosts = '127.0.0.1 localhost\n127.0.1.1\tweb1.example.com  web1 # here\n#1.1.1.1 web1 x\n192.0.2.1 other\n';
    expect(named('web1', { hosts })).toEqual(['web1', 'web1.example.com']);
  });

  it('are those that the resolver makes of a short one', () => {
    const files = { 'resolv.conf': '; made by hand\nnameserver 192.0.2.1\nsearch Example.com. corp.example\n' };
    expect(named('web1', files)).toEqual(['web1', 'web1.corp.example', 'web1.example.com']);
    expect(named('web1.example.org', files)).toEqual(['web1', 'web1.example.org']);
  });
});
