import { startBroker } from '../../wrangler-free-local/broker.ts';

// A process that owns a broker, to be killed: it says where the broker is, and then does nothing for ever.
const { port, directory } = await startBroker();
process.stdout.write(`${JSON.stringify({ port, directory })}\n`);
setInterval(() => {}, 60_000);
