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
