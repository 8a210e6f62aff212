/** What the relay has of our prekeys, as `connect_ack` says. */
export interface PublishedState {
  /** 0: no batch. */
  readonly generation: number;
  readonly left: number;
  /** The relay's store: a batch is for one history of it. */
  readonly store: string;
}
