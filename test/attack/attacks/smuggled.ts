/** A request, or what looks like one, with another behind or within it. */
export interface Smuggled {
  readonly name: string;
  /** The routing key of both, by which its messages are known. */
  readonly key: string;
  readonly bytes: Buffer;
  /** The second one is a request of its own by every reading, and may be published. */
  readonly secondIsMeant: boolean;
}

/** In the place of each case's own key, and as long. */
const KEY = 'KEY';

/** @param exchange its path, where the hidden request publishes `SMUGGLED`, and the open one something else */
export function smuggled(exchange: string, authorization: string): Smuggled[] {
  const path = `${exchange}/${KEY}`;
  const inner = `POST ${path} HTTP/1.1\r\nHost: g\r\n${authorization}\r\nContent-Length: 8\r\n\r\nSMUGGLED`;
  const outer = (...fields: string[]): string =>
    [`POST ${path} HTTP/1.1`, 'Host: g', authorization, ...fields, '', ''].join('\r\n');
  const chunk = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
  const length = inner.length;
  const cases: Record<string, string> = {};
  const add = (name: string, text: string): void => {
    cases[name] = text;
  };

  add('CL.TE', `${outer(`Content-Length: ${length + 5}`, 'Transfer-Encoding: chunked')}0\r\n\r\n${inner}`);
  add('TE.CL', `${outer('Transfer-Encoding: chunked', 'Content-Length: 4')}${chunk}`);
  add('two lengths', `${outer('Content-Length: 0', `Content-Length: ${length}`)}${inner}`);
  add('two lengths, reversed', `${outer(`Content-Length: ${length}`, 'Content-Length: 0')}${inner}`);
  for (const value of [
    `0, ${length}`,
    `${length}, ${length}`,
    `+${length}`,
    `0x${length.toString(16)}`,
    `${length} 0`,
    '-1',
    `${length}\u000b`,
    `0${'0'.repeat(30)}${length}`,
    '18446744073709551616',
    '1e2',
    '',
  ])
    add(`Content-Length: ${JSON.stringify(value)}`, `${outer(`Content-Length: ${value}`)}${inner}`);
  const hidden = [
    'Transfer-Encoding : chunked',
    'Transfer-Encoding\t: chunked',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: \u000bchunked',
    'Transfer-Encoding: chunked\u0000',
    'Transfer-Encoding: chunke\u0064\u0001',
    'Transfer-Encoding:\r\n chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rTransfer-Encoding: chunked',
    ' Transfer-Encoding: chunked',
    'Transfer_Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding\u0000: chunked',
  ];
  for (const field of hidden) {
    add(`${JSON.stringify(field)} and a length`, `${outer(`Content-Length: ${length + 5}`, field)}0\r\n\r\n${inner}`);
    add(`${JSON.stringify(field)} alone`, `${outer(field)}0\r\n\r\n${inner}`);
  }
  const sizes = [
    '5;a=\nb',
    '5\n',
    '5 ',
    ' 5',
    '0x5',
    '+5',
    '5_0',
    '10000000000000005',
    'ffffffffffffffff',
    '-5',
    '5;a="\r\n"',
    '5\r',
    '5;\u0000',
    '00000000000000000005',
    '',
  ];
  for (const size of sizes)
    add(`a chunk of ${JSON.stringify(size)}`, `${outer('Transfer-Encoding: chunked')}${size}\r\nhello\r\n${inner}`);
  add('a chunk longer than its size', `${outer('Transfer-Encoding: chunked')}1\r\nab\r\n0\r\n\r\n${inner}`);
  add('a chunk that ends with LF', `${outer('Transfer-Encoding: chunked')}5\r\nhello\n0\r\n\r\n${inner}`);
  add(
    'a trailer with a length',
    `${outer('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\nContent-Length: ${length}\r\n\r\n${inner}`,
  );
  add(
    'a trailer with credentials',
    `${outer('Transfer-Encoding: chunked').replace(authorization, 'X: y')}5\r\nhello\r\n0\r\n${authorization}\r\n\r\n`,
  );
  add('bare LF', `${outer('Content-Length: 5').replaceAll('\r\n', '\n')}hello${inner}`);
  add('bare CR', `${outer('Content-Length: 5').replaceAll('\r\n', '\r')}hello${inner}`);
  add('a bare LF in the end', `${outer(`Content-Length: ${length}`).slice(0, -2)}\n${inner}`);
  add('HTTP/1.0, chunked', `${outer('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0')}${chunk}`);
  add('HTTP/0.9', `POST ${path}\r\n\r\n${inner}`);
  add('HTTP/1.10', outer(`Content-Length: ${length}`).replace('HTTP/1.1', 'HTTP/1.10') + inner);
  add('HTTP/2.0', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`);
  add('two hosts', `${outer('Host: h', `Content-Length: ${length}`)}${inner}`);
  add('no host', `${outer(`Content-Length: ${length}`).replace('Host: g\r\n', '')}${inner}`);
  add('a body of a GET', `GET /healthz HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${inner}`);
  add('a chunked body of a GET', `GET /healthz HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
  add('a body of a HEAD', `HEAD /healthz HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${inner}`);
  add('a body of an OPTIONS', `OPTIONS ${path} HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${inner}`);
  add('a body of what is not there', `PUT /a HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${inner}`);
  add('a body of a TRACE', `TRACE / HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${inner}`);
  add('a body without credentials', `${outer(`Content-Length: ${length}`).replace(authorization, 'X: y')}${inner}`);
  add(
    'a chunked body without credentials',
    `${outer('Transfer-Encoding: chunked').replace(authorization, 'X: y')}${chunk}`,
  );
  add(
    'Expect, refused',
    `${outer('Expect: 100-continue', `Content-Length: ${length}`).replace(authorization, 'X: y')}${inner}`,
  );
  add('Expect, too large', `${outer('Expect: 100-continue', 'Content-Length: 99999999')}${inner}`);
  add('CONNECT', `CONNECT g:80 HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${inner}`);

  add('an Upgrade', `${outer('Connection: Upgrade', 'Upgrade: h2c', 'Content-Length: 5')}hello${inner}`);
  add('two in a row', `${outer('Content-Length: 5')}hello${inner}`);
  return Object.entries(cases).map(([name, text], index) => {
    const key = String(index).padStart(KEY.length, '0');
    return { name, key, bytes: Buffer.from(text.replaceAll(KEY, key), 'latin1'), secondIsMeant: isMeant(name) };
  });
}

/** Chunked in a way that a lenient server may read: the first request is then complete, and the second one on its own. */
const isMeant = (name: string): boolean =>
  /alone$|^bare|^a chunk of|^a chunk that|^a trailer|^CONNECT|^HTTP\/0\.9|^HTTP\/2|^an Upgrade|^two in a row/.test(
    name,
  );
