/** What all nodes share: orders of operators, for which a node asks every few seconds, and a secret. */
export interface Control {
  /** Settings that operators have changed for all nodes, by the name of the variable. */
  settings(): Promise<ReadonlyMap<string, string>>;
  /** @param value null: each node's own setting holds again */
  changeSetting(name: string, value: string | null): Promise<void>;
  /** Asks a node to stop as by SIGTERM. If it does not within a minute, the order is forgotten. */
  askToDrain(nodeId: string): Promise<void>;
  /** Whether this node was asked; true once for each order. */
  takeDrain(nodeId: string): Promise<boolean>;
  /** 64 hex digits that only the nodes know, the same for all. Another if the store has lost it. */
  secret(): Promise<string>;
}
