/** Requests of 10 MB that are as much work as a client can make of them. */

const BYTES = 10 * 1024 * 1024;
const FORM = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data; boundary=XXXX';
const PART = '--XXXX\r\nContent-Disposition: form-data; name="body"\r\n\r\n';
const END = '\r\n--XXXX--\r\n';

export interface Bomb {
  readonly name: string;
  readonly contentType: string;
  readonly body: Buffer;
  /** What is refused rather than published. */
  readonly refused?: boolean;
  /** It is posted to the exchange, without a routing key. */
  readonly batch?: true;
}

function filled(before: string, pattern: string, after = ''): Buffer {
  const times = Math.floor((BYTES - before.length - after.length) / pattern.length);
  return Buffer.from(before + pattern.repeat(times) + after, 'latin1');
}

const form = (name: string, body: Buffer, refused = false): Bomb => ({ name, contentType: FORM, body, refused });
const multipart = (name: string, body: Buffer, refused = false): Bomb => ({
  name,
  contentType: MULTIPART,
  body,
  refused,
});

const LINES = 'application/x-ndjson';
const ARRAY = 'application/json';

const batch = (name: string, contentType: string, body: Buffer, refused = false): Bomb => ({
  name: `a batch of ${name}`,
  contentType,
  body,
  refused,
  batch: true,
});

const utf8 = (before: string, pattern: string, after: string): Buffer => {
  const times = Math.floor((BYTES - before.length - after.length) / Buffer.byteLength(pattern));
  return Buffer.from(before + pattern.repeat(times) + after);
};

export const bombs: readonly Bomb[] = [
  { name: 'a raw body', contentType: 'text/plain', body: filled('', 'a') },
  form('a body of escapes', filled('body=', '%41')),
  form('a body of plus signs', filled('body=', '+')),
  form('an escape and plus signs', filled('body=%41', '+')),
  form('ampersands', filled('body=a', '&')),
  form('three million fields', filled('', 'a=&'), true),
  form('one name of escapes', filled('', '%41'), true),
  form('one name of no UTF-8', filled('', '\xff'), true),
  form('one long property', filled('body=a&app_id=', 'a'), true),
  form('headers of white space', filled('body=a&headers={', ' ', '}'), true),
  form('headers of brackets', filled('body=a&headers=', '['), true),
  form('one header of brackets', filled('body=a&headers', '[a]', '=x'), true),
  form('one long header', filled('body=a&headers[a]=', 'a'), true),
  multipart('a part', filled(PART, 'a', END)),
  multipart('carriage returns', filled(PART, '\r', END)),
  multipart('line breaks', filled(PART, '\r\n', END)),
  multipart('half a delimiter', filled(PART, '\r\n--', END)),
  multipart('nearly a delimiter', filled(PART, '\r\n--XXX', END)),
  multipart('a delimiter that is none', filled(PART, '\r\n--XXXXy', END)),
  multipart('padding after a delimiter', filled(`${PART}\r\n--XXXX`, ' ', `a${END}`)),
  multipart('no first delimiter', filled('', '\r\n--XXX'), true),
  multipart(
    'long names',
    filled('', `--XXXX\r\nContent-Disposition: form-data; name="${'%22'.repeat(2_600)}"\r\n\r\n\r\n`),
    true,
  ),
  batch('messages of 2 KB', LINES, filled('', `{"body":"${'x'.repeat(2_036)}"}\n`)),
  batch('messages of 2 KB in an array', ARRAY, filled('[{"body":""}', `,{"body":"${'x'.repeat(2_036)}"}`, ']')),
  batch('one long text', ARRAY, filled('[{"body":"', 'x', '"}]')),
  batch('one text of escapes', ARRAY, filled('[{"body":"', '\\n', '"}]')),
  batch('one text of quotes', ARRAY, filled('[{"body":"', '\\"', '"}]')),
  batch('one text of long characters', ARRAY, utf8('[{"body":"', '\u4e2d', '"}]')),
  batch('one long base64', ARRAY, filled('[{"body_base64":"', 'AAAA', '"}]')),
  batch('line feeds', LINES, filled('', '\n')),
  batch('spaces', ARRAY, filled('[', ' ', ']')),
  batch('too many messages', ARRAY, filled('[{}', ',{}', ']'), true),
  batch('one array of zeros', ARRAY, filled('[[0', ',0', ']]'), true),
  batch('one nest of brackets', ARRAY, filled('[{"headers":', '[', ''), true),
  batch('one message of many keys', LINES, filled('{"body":""', ',"a":0', '}'), true),
];
