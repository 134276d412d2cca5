import type { TotalStats } from '../handler/stats.ts';
import { byId, element } from './page.ts';
import { count, rate } from './words.ts';

/** In the words of someone who has to do something about it. */
const MEANINGS: Readonly<Record<string, string>> = {
  200: 'pages and figures, such as this page’s own',
  202: 'accepted; the delivery goes on',
  204: 'confirmed by RabbitMQ',
  400: 'malformed, or an invalid property',
  401: 'no credentials, or RabbitMQ refused them',
  403: 'not allowed: vhost, exchange, or a foreign page',
  404: 'no such vhost, exchange or path, or unroutable',
  405: 'a method that is not for this path',
  408: 'the request did not arrive in time',
  413: 'too large, for the gateway or the broker',
  415: 'an unknown content coding',
  417: 'an expectation that cannot be met',
  429: 'too many refused logins from one address',
  431: 'headers too large',
  499: 'the client went away',
  500: 'a bug of the gateway: see its log',
  502: 'RabbitMQ failed over the message',
  503: 'RabbitMQ away, blocked or at a limit, or overloaded',
  504: 'not confirmed in time',
};

/** How often each status was answered, in all and lately. */
export function showAnswers(now: TotalStats, before: TotalStats | undefined, elapsed: number): void {
  const table = byId('answers', HTMLTableElement);
  const statuses = Object.keys(now.requests).flatMap((key) => (key.startsWith('response.') ? key.slice(9) : []));
  const rows = statuses.toSorted().map((status) => {
    const total = now.requests[`response.${status}`] ?? 0;
    const grown = before ? Math.max(0, total - (before.requests[`response.${status}`] ?? 0)) : 0;
    return element(
      'tr',
      { 'data-status': status },
      element('th', { scope: 'row' }, status),
      element('td', {}, MEANINGS[status] ?? ''),
      element('td', { class: 'number' }, count(total)),
      element('td', { class: 'number' }, rate(elapsed > 0 ? grown / elapsed : 0)),
    );
  });
  table.tBodies[0]?.replaceChildren(...rows);
  table.hidden = rows.length === 0;
  byId('answers-empty', HTMLElement).hidden = rows.length > 0;
}
