/** What a backend's process begins with. */

// Node opens its debugger on this signal unless somebody listens. The program loads much before it could, and is root
// meanwhile where the supervisor is.
process.on('SIGUSR1', () => {});
await import('./backend.ts');

export {};
