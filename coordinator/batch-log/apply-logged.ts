import { isLoadCommit } from "../../shared/format/operations.js";
import type { ShardClient } from "../shards/shard-client.js";
import type { LoggedBatch } from "./log-format.js";

/**
 * Gives every shard the parts of logged batches that it lacks. Resolves when they are on disk there. `lastSequences`:
 * the last sequence number of each shard, by index.
 */
export async function applyLogged(
  clients: readonly ShardClient[],
  batches: readonly LoggedBatch[],
  lastSequences: readonly number[],
): Promise<void> {
  /** The last part given to each shard. */
  const given = new Map<ShardClient, number>();
  for (const { sequence, parts } of batches) {
    for (const { shard, section } of parts) {
      const client = clients[shard];
      if (client === undefined || sequence <= lastSequences[shard]!) {
        continue;
      }
      if (isLoadCommit(section)) {
        client.writeSeal(section, sequence);
      } else {
        client.writeBatch(section, sequence, true, true);
      }
      given.set(client, sequence);
    }
  }
  await Promise.all([...given].map(([client, sequence]) => client.sync(sequence)));
}
