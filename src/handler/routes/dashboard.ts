import type { AppContext } from '../bindings.ts';
import { requestIdOf } from '../request-id.ts';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>statelessd</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
code { font-family: ui-monospace, monospace }
</style>
</head>
<body>
<h1>statelessd</h1>
<p>This is an HTTP to AMQP publishing gateway. It runs.</p>
<ul>
<li><code>POST /&lt;vhost&gt;/&lt;exchange&gt;/&lt;routing key&gt;</code> publishes a message</li>
<li><a href="stats">stats</a>: what this backend has done</li>
<li><a href="readyz">readyz</a>: whether it can reach RabbitMQ</li>
</ul>
</body>
</html>
`;

/** GET / */
export function dashboardRoute() {
  return (c: AppContext): Response =>
    new Response(PAGE, {
      headers: {
        'Content-Type': 'text/html; charset=UTF-8',
        'Content-Security-Policy': "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        'X-Content-Type-Options': 'nosniff',
        'X-Request-Id': requestIdOf(c.req.raw),
      },
    });
}
