import * as v from 'valibot';
import { byId, say } from './page.ts';

/** What the form says. */
interface TestMessage {
  readonly path: string;
  readonly user: string;
  readonly password: string;
  readonly contentType: string;
  readonly body: string;
  /** Browsers, curl and PHP resolve a segment of one or two dots: the message would go elsewhere. */
  readonly misdirected: boolean;
}

/** A form that publishes one message, and shows what a program would do. */
export function watchForm(): void {
  const form = byId('test', HTMLFormElement);
  const answer = byId('test-answer', HTMLElement);
  const show = (): void => {
    const message = read(form);
    say(byId('curl', HTMLElement), curlOf(message));
    say(byId('php', HTMLElement), phpOf(message));
  };
  form.addEventListener('input', show);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const message = read(form);
    if (message.misdirected) say(answer, 'A vhost, exchange or routing key of dots alone cannot stand in a URL.');
    else void publish(message).then((words) => say(answer, words));
  });
  show();
}

function read(form: HTMLFormElement): TestMessage {
  const fields = new FormData(form);
  const field = (name: string): string => String(fields.get(name) ?? '');
  const segments = [field('vhost'), field('exchange') || 'amq.default', field('key')];
  const query = new URLSearchParams();
  if (fields.has('persistent')) query.set('delivery_mode', '2');
  if (fields.has('mandatory')) query.set('mandatory', 'true');
  const path = segments.map(encodeURIComponent).join('/');
  return {
    path: new URL(query.size > 0 ? `${path}?${query}` : path, document.baseURI).href,
    user: field('user'),
    password: field('password'),
    contentType: field('type'),
    // Forms have lines end as in HTTP.
    body: field('body').replaceAll('\r\n', '\n'),
    misdirected: segments.some((segment) => segment === '.' || segment === '..'),
  };
}

async function publish({ path, user, password, contentType, body }: TestMessage): Promise<string> {
  const login = new TextEncoder().encode(`${user}:${password}`);
  const authorization = `Basic ${btoa(String.fromCharCode(...login))}`;
  try {
    const response = await fetch(path, {
      method: 'POST',
      // Otherwise a refusal would have the browser ask for a login of its own.
      credentials: 'omit',
      headers: { Authorization: authorization, ...(contentType && { 'Content-Type': contentType }) },
      body: new TextEncoder().encode(body),
    });
    return await wordsOf(response);
  } catch {
    return 'The gateway did not answer.';
  }
}

const problem = v.object({ title: v.string(), detail: v.optional(v.string()), published: v.string() });

async function wordsOf(response: Response): Promise<string> {
  if (response.status === 204)
    return response.headers.has('Statelessd-Unrouted')
      ? '204: confirmed by RabbitMQ, but no queue took the message.'
      : '204: confirmed by RabbitMQ.';
  const parsed = v.safeParse(problem, await response.json());
  if (!parsed.success) return `${response.status}`;
  const { title, detail, published } = parsed.output;
  return `${response.status}: ${title}${detail === undefined ? '' : ` (${detail})`}. Published: ${published}.`;
}

const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const PASSWORD = 'RABBITMQ_PASSWORD';

function curlOf({ path, user, contentType, body }: TestMessage): string {
  return [
    `curl -i -u ${shell(`${user}:`)}"$${PASSWORD}"`,
    `  -H ${shell(`Content-Type: ${contentType}`)}`,
    `  --data-raw ${shell(body)}`,
    `  ${shell(path)}`,
  ].join(' \\\n');
}

const php = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function phpOf({ path, user, contentType, body }: TestMessage): string {
  return [
    '<?php',
    `$curl = curl_init(${php(path)});`,
    'curl_setopt_array($curl, [',
    `    CURLOPT_USERPWD => ${php(`${user}:`)} . getenv('${PASSWORD}'),`,
    `    CURLOPT_HTTPHEADER => [${php(`Content-Type: ${contentType}`)}],`,
    `    CURLOPT_POSTFIELDS => ${php(body)},`,
    '    CURLOPT_RETURNTRANSFER => true,',
    ']);',
    'curl_exec($curl);',
    'echo curl_getinfo($curl, CURLINFO_RESPONSE_CODE), "\\n";',
  ].join('\n');
}
