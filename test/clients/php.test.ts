import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { propertiesOf, Topology } from '../support/topology.ts';

/** The README's example of 2013, unchanged. */
const PUBLISHER = readFileSync(new URL('../fixtures/publisher-2013.php', import.meta.url), 'utf8');

/** What the scripts below begin with; `$argv[1]` is the gateway's port. */
const PRELUDE = `
  function publish(string $path, array|string $fields, array $options = []): void {
    global $argv;
    $curl = curl_init("http://localhost:$argv[1]$path");
    curl_setopt_array($curl, $options + [
      CURLOPT_FAILONERROR => true,
      CURLOPT_RETURNTRANSFER => true,
      CURLOPT_POST => true,
      CURLOPT_POSTFIELDS => $fields,
      CURLOPT_USERPWD => 'guest:guest',
    ]);
    var_export(curl_exec($curl));
    echo ' ', curl_errno($curl), ' ', curl_getinfo($curl, CURLINFO_HTTP_CODE), "\\n";
  }
`;

const PUBLISHED = "'' 0 204\n";

describe('PHP with curl', () => {
  let topology: Topology;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    topology = Topology.sample('/');
    gateway = await GatewayProcess.start();
  });
  beforeEach(async () => {
    await topology.drain('test');
  });
  afterAll(async () => {
    await gateway?.stop();
  });

  /** Runs a script, warnings and all. */
  const run = (script: string): SpawnSyncReturns<string> =>
    spawnSync('php', ['-d', 'display_errors=stderr', '--', String(gateway.port)], { input: script, encoding: 'utf8' });
  const php = (code: string): string => {
    const { stdout, stderr } = run(`<?php ${PRELUDE} ${code}`);
    expect(stderr).toBe('');
    return stdout;
  };

  describe('publishes with the example of 2013', () => {
    const expected = (message: Awaited<ReturnType<Topology['only']>>) => {
      expect(message.content.toString()).toBe('This is a message body published through statelessd');
      expect(message.fields).toMatchObject({ exchange: 'test', routingKey: 'foo.bar.baz' });
      expect(propertiesOf(message)).toEqual({
        appId: 'PHP Example',
        contentType: 'text/plain',
        deliveryMode: 1,
        timestamp: expect.any(Number),
        type: 'Example message',
        userId: 'guest',
      });
    };
    const script = (): string => PUBLISHER.replace('localhost:8000', `localhost:${gateway.port}`);

    it('as it stands', async () => {
      expect(run(script())).toMatchObject({ status: 0, stderr: '', stdout: 'Success\n\n' });
      expected(await topology.only('test'));
    });

    it('with http_build_query', async () => {
      const encoded = script().replace(
        'CURLOPT_POSTFIELDS, $message',
        'CURLOPT_POSTFIELDS, http_build_query($message)',
      );
      expect(encoded).not.toBe(script());
      expect(run(encoded)).toMatchObject({ status: 0, stderr: '', stdout: 'Success\n\n' });
      expected(await topology.only('test'));
    });

    it('with an empty routing key', async () => {
      expect(run(script().replace("'foo.bar.baz'", "''"))).toMatchObject({ stdout: 'Success\n\n' });
      expect((await topology.only('test')).fields.routingKey).toBe('');
    });
  });

  it.each([
    ['an array', '$fields'],
    ['http_build_query', 'http_build_query($fields)'],
  ])('publishes all byte values with %s', async (_, fields) => {
    const code = `
      $fields = ['body' => implode('', array_map('chr', range(0, 255)))];
      publish('/%2f/test/k', ${fields});
    `;
    expect(php(code)).toBe(PUBLISHED);
    const message = await topology.only('test');
    expect([...message.content]).toEqual(Array.from({ length: 256 }, (_unused, byte) => byte));
    expect(propertiesOf(message)).toEqual({ deliveryMode: 1 });
  });

  it('publishes nested arrays as nested headers', async () => {
    const code = `publish('/%2f/test/k', http_build_query(['body' => 'x', 'headers' => [
      'x-name' => 'Zoë & co',
      'list' => ['a', 'b'],
      'table' => ['k' => 'v', 'deep' => ['er' => ['and' => 'deeper']]],
      'number' => 7,
    ]]));`;
    expect(php(code)).toBe(PUBLISHED);
    expect((await topology.only('test')).properties.headers).toEqual({
      'x-name': 'Zoë & co',
      list: ['a', 'b'],
      table: { k: 'v', deep: { er: { and: 'deeper' } } },
      number: '7',
    });
  });

  it('publishes headers that stand in an array one by one', async () => {
    const code = `publish('/%2f/test/k', ['body' => 'x', 'headers[a-b]' => 'c', 'headers[t][k]' => 'v']);`;
    expect(php(code)).toBe(PUBLISHED);
    expect((await topology.only('test')).properties.headers).toEqual({ 'a-b': 'c', t: { k: 'v' } });
  });

  it('leaves out what is null or empty', async () => {
    const code = `publish('/%2f/test/k', ['body' => '', 'priority' => '', 'app_id' => null]);`;
    expect(php(code)).toBe(PUBLISHED);
    const message = await topology.only('test');
    expect(message.content).toHaveLength(0);
    expect(propertiesOf(message)).toEqual({ deliveryMode: 1 });
  });

  it.each([
    ['/%2f/nonesuch/k', "['body' => 'x']", 404, 'exchange-not-found; published=no'],
    ['/nonesuch/test/k', "['body' => 'x']", 404, 'vhost-not-found; published=no'],
    ['/%2f/test/k', "['body' => 'x', 'priority' => 'high']", 400, 'invalid-property; published=no'],
    ['/%2f/test/k', "['body' => str_repeat('x', 20000000)]", 413, 'body-too-large; published=no'],
  ])('learns from a header why %s of %s is refused, under CURLOPT_FAILONERROR', async (path, fields, code, error) => {
    const out = php(`
      $errors = [];
      publish('${path}', ${fields}, [CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$errors) {
        if (stripos($line, 'Statelessd-Error:') === 0) $errors[] = trim(substr($line, 17));
        return strlen($line);
      }]);
      echo implode('|', $errors);
    `);
    expect(out).toBe(`false 22 ${code}\n${error}`);
    expect(await topology.drain('test')).toEqual([]);
  });
});
