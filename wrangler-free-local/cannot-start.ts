import { EXIT } from '../src/adapter/process/exit-codes.ts';

/** Something the user has to do first; the message says exactly what. */
export class CannotStart extends Error {
  readonly exitCode: number;

  /** @param exitCode 69 (EX_UNAVAILABLE) unless said otherwise, the code for an address that is taken */
  constructor(message: string, exitCode: number = EXIT.addressTaken) {
    super(message);
    this.exitCode = exitCode;
  }
}
