/** A broker that was started for this gateway, with the sample topology. */
export interface StartedBroker {
  readonly kind: 'started';
  readonly description: string;
  readonly port: number;
  readonly managementPort: number | undefined;
  /** Resolves when it has ended, asked to or not. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}
