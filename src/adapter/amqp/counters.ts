/** What one connection has done. They only grow. */
export class Counters {
  connectionsOpened = 0;
  connectionsClosed = 0;
  channelsOpened = 0;
  channelsClosed = 0;
  /** Messages confirmed. */
  publishes = 0;
  /** Messages that the broker refused. */
  refused = 0;
  /** Messages that no queue took and that asked to be told. */
  unroutable = 0;
  nacked = 0;
  /** Attempts after the first. */
  republished = 0;
  abandoned = 0;

  add(other: Counters): void {
    this.connectionsOpened += other.connectionsOpened;
    this.connectionsClosed += other.connectionsClosed;
    this.channelsOpened += other.channelsOpened;
    this.channelsClosed += other.channelsClosed;
    this.publishes += other.publishes;
    this.refused += other.refused;
    this.unroutable += other.unroutable;
    this.nacked += other.nacked;
    this.republished += other.republished;
    this.abandoned += other.abandoned;
  }
}
