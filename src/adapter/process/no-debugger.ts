/**
 * Node opens its debugger on SIGUSR1 unless somebody listens, and whoever gets to that is who runs the program. It does so
 * from before the program's first line on; what a signal has opened by then is closed again. Imported first.
 */
process.on('SIGUSR1', () => {});

/** After the last moment at which a signal from before the first line can still open it. */
const LATE_MS = 1_000;

const isWanted = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) =>
  /--inspect(?!-port)/.test(option),
);

// A Node that was built without one has no such module either.
if (process.features.inspector && !isWanted) {
  const { close, url } = await import('node:inspector');
  const closeIfOpen = (): void => {
    if (url() !== undefined) close();
  };
  closeIfOpen();
  setImmediate(closeIfOpen);
  setTimeout(closeIfOpen, LATE_MS).unref();
}

export {};
