import { basic } from '../../support/http.ts';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';

const UA = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const GUEST = { authorization: basic({ username: 'guest', password: 'guest' }) };
const PUBLISH = '/test/test/rebound?mandatory=0';

/** What a browser says of a request that it takes for its page's own. */
const browsers = (origin: string): Record<string, Record<string, string>> => ({
  'an Origin': { origin },
  'Sec-Fetch-Site: same-origin': { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
  'Sec-Fetch-Site: none': { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
  'a User-Agent': { 'user-agent': UA },
  'all of it': { origin, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'user-agent': UA },
});

export const rebinding: Attack = {
  name: 'DNS rebinding',
  tries:
    'a page at `evil.example` whose name has become 127.0.0.1 reads `/`, `/stats`, `/metrics`, `/openapi.json` and publishes as guest',
  promise: 'a browser under a name that is not the gateway’s gets 403',
  async run(world) {
    const foreign = new Tally();
    const own = new Tally();
    const names = [
      'evil.example',
      'EVIL.example.',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example%00localhost',
    ];
    const passed: string[] = [];
    for (const name of names) {
      const host = `${name}:${world.port}`;
      for (const [kind, headers] of Object.entries(browsers(`http://${host}`))) {
        for (const path of ['/', '/stats', '/stats?scope=all', '/metrics', '/openapi.json']) {
          const { status } = await world.get(path, { headers: { host, ...headers } });
          foreign.add(status);
          if (status !== 403 && status !== 400) passed.push(`${path} with ${kind} at ${name}: ${status}`);
        }
        // A browser names the origin of each post.
        if (!('origin' in headers)) continue;
        const { status } = await world.post({ headers: { host, ...GUEST, ...headers } }, PUBLISH);
        foreign.add(status);
        if (status !== 403 && status !== 400) passed.push(`publishing with ${kind} at ${name}: ${status}`);
      }
    }
    for (const name of ['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST']) {
      const host = `${name}:${world.port}`;
      for (const headers of Object.values(browsers(`http://${host}`))) {
        own.add((await world.get('/stats', { headers: { host, ...headers } })).status);
        own.add((await world.post({ headers: { host, ...GUEST, ...headers } }, PUBLISH)).status);
      }
    }
    // What is no browser may call the gateway as it likes.
    own.add((await world.get('/stats', { headers: { host: 'gateway.internal', 'user-agent': 'curl/8' } })).status);
    return finding(`under foreign names: ${foreign}; under its own: ${own}`, {
      [`all are refused (${passed.length} were not: ${passed.slice(0, 3).join('; ')})`]: passed.length === 0,
      'its own pages and clients are served': own.others(200, 204) === 0,
    });
  },
};

const TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b',
  'TEXT/PLAIN;charset=utf-8',
  '',
];
const CONTENT: Record<string, string> = {
  'multipart/form-data; boundary=b': '--b\r\nContent-Disposition: form-data; name="body"\r\n\r\nx\r\n--b--\r\n',
};

export const foreignPages: Attack = {
  name: 'foreign pages',
  tries:
    'a page of another site posts with a visitor’s credentials: fetch, forms of every `enctype`, sandboxed frames, beacons',
  promise: '403 `cross-site`, and nothing is published',
  async run(world) {
    const tally = new Tally();
    const passed = new Set<string>();
    const signs: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${world.port + 1}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: `http://other.127.0.0.1.example:${world.port}` },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty', 'user-agent': UA },
    ];
    for (const sign of signs)
      for (const type of TYPES) {
        const headers = { ...sign, ...(type && { 'content-type': type }) };
        const call = { headers, body: CONTENT[type] ?? 'body=foreign' };
        const { status } = await world.post(call, `/${world.topology.segment}/spied/k`);
        tally.add(status);
        if (status !== 403) passed.add(JSON.stringify(sign));
      }
    const arrived = (await world.topology.drain('spied')).length;
    return finding(`answers: ${tally}; ${arrived} messages`, {
      [`all are refused (these were not: ${[...passed].join(', ')})`]: passed.size === 0,
      'nothing is published': arrived === 0,
    });
  },
};

export const forgedForms: Attack = {
  name: 'forged forms',
  tries:
    'with `xsrf_cookies: true`, forms of every `enctype` without the `_xsrf` cookie and field, from a browser that sends no Origin',
  promise: '403 `cross-site`',
  alone: true,
  async run(world) {
    const gateway = await world.startGateway({ settings: { application: { xsrf_cookies: true } } });
    const tally = new Tally();
    for (const type of TYPES.filter(Boolean))
      for (const cookie of ['', '_xsrf=1', '_xsrf=2|a|b|1']) {
        const headers = { 'content-type': type, ...(cookie && { cookie }) };
        const call = { agent: false, headers, body: CONTENT[type] ?? 'body=forged' } as const;
        tally.add((await world.post(call, `/${world.topology.segment}/spied/k`, gateway.port)).status);
      }
    const arrived = (await world.topology.drain('spied')).length;
    return finding(`answers: ${tally}; ${arrived} messages`, {
      'all are refused': tally.others(403) === 0 && arrived === 0,
    });
  },
};

const MARKUP = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  "javascript:alert('1')",
  '</script><svg/onload=alert(1)>',
];

export const markup: Attack = {
  name: 'markup in names',
  tries:
    'users, exchanges, routing keys, paths and request ids that hold HTML and scripts; then `/`, `/stats`, `/metrics` and every problem are looked at',
  promise:
    'nothing that a client says is ever sent as HTML; what is no JSON says `nosniff`, and the page has a Content-Security-Policy',
  async run(world) {
    const sniffable: string[] = [];
    const asHtml: string[] = [];
    const look = (what: string, { headers, text, status }: Awaited<ReturnType<typeof world.get>>): void => {
      const type = String(headers['content-type'] ?? '');
      if (status === 204 || status === 0) return;
      // Browsers take no JSON for anything else, whatever is in it (MIME Sniffing Standard, section 7).
      const isJson = /^application\/(problem\+)?json\b/.test(type);
      if (!isJson && headers['x-content-type-options'] !== 'nosniff') sniffable.push(what);
      if (/html|xml|svg/.test(type) && /alert\(/.test(text)) asHtml.push(what);
      if (type === '') asHtml.push(what);
    };
    for (const text of MARKUP) {
      const segment = encodeURIComponent(text);
      const user = await world.topology.addUser({ username: text, password: 'p' });
      await world.topology.exchange(text, 'fanout');
      const { segment: vhost } = world.topology;
      look('a post', await world.post({ user }, `/${vhost}/${segment}/${segment}`));
      look('a missing exchange', await world.post({ user }, `/${vhost}/missing-${segment}/k`));
      look('a missing vhost', await world.post({ user }, `/${segment}/x/k`));
      look('a missing path', await world.get(`/${segment}/b/c/d`));
      look('a raw path', await world.get('/<script>alert(1)</script>'));
      look(
        'a property',
        await world.post({
          body: `body=x&priority=${segment}`,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      );
      look('a content type', await world.post({ headers: { 'content-type': text } }));
      look(
        'an encoding',
        await world.post(
          { headers: { 'content-type': 'application/x-ndjson', 'content-encoding': text } },
          `/${vhost}`,
        ),
      );
    }
    for (const path of ['/', '/stats', '/stats?scope=all', '/metrics', '/readyz', '/healthz', '/openapi.json'])
      look(path, await world.get(path));
    const policy = String((await world.get('/')).headers['content-security-policy'] ?? '');
    return finding(`${MARKUP.length * 8 + 7} answers; the page’s policy: ${policy}`, {
      [`no answer can be taken for HTML (${[...new Set(sniffable)].join('; ')})`]: sniffable.length === 0,
      'the policy lets no inline scripts run':
        /script-src|default-src/.test(policy) && !/script-src[^;]*unsafe-inline/.test(policy),
    });
  },
};
