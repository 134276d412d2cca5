export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

/** What a log line may say beside its sentence. Never a password, never a body. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where lines go is the adapter's business; the handler is only given the door. */
export type Log = (level: LogLevel, sentence: string, fields?: LogFields) => void;

/** As `Log`. What a line says is asked for only if it is written, for most lines are not. */
export type AccessLog = (level: LogLevel, sentence: string, fields: () => LogFields) => void;

/** The loggers of the gateway, which operators can turn up and down one by one. */
export interface Logs {
  /** What the gateway does, and each message that it could not publish. */
  readonly gateway: Log;
  /** Each request with its answer. */
  readonly access: AccessLog;
  /** What becomes of the connections to RabbitMQ. */
  readonly broker: Log;
}
