/** Exit codes, after sysexits.h. */
export const EXIT = {
  ok: 0,
  /** EX_UNAVAILABLE: an address is taken or refused. */
  addressTaken: 69,
  /** EX_SOFTWARE */
  internal: 70,
  /** EX_CONFIG */
  config: 78,
} as const;

/** The exit code for a server that does not come to listen, by the system's error code. */
export const exitCodeFor = (systemError: string): typeof EXIT.addressTaken | typeof EXIT.internal =>
  /^(EADDR|EACCES)/.test(systemError) ? EXIT.addressTaken : EXIT.internal;
