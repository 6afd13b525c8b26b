/** What the coordinator sends to a new shard process over the fork channel. */
export interface ShardStart {
  shardIndex: number;
  socketPath: string;
  /** Proves to the coordinator that the connecting process is the shard. */
  shardToken: string;
  /** Proves to the shard that the socket is the coordinator's. */
  coordinatorToken: string;
}

export function isShardStart(value: unknown): value is ShardStart {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const start = value as Record<string, unknown>;
  return (
    typeof start.shardIndex === "number" &&
    typeof start.socketPath === "string" &&
    typeof start.shardToken === "string" &&
    typeof start.coordinatorToken === "string"
  );
}
