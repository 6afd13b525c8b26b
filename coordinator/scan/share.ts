/** How many of the first `limit` entries one shard is very unlikely to exceed, if keys are distributed at random. */
export function shareOf(limit: number, shards: number): number {
  const share = limit / shards;
  const deviation = Math.sqrt(share * (1 - 1 / shards));
  return shards === 1 ? limit : Math.min(limit, Math.ceil(share + 2 * deviation + 1));
}
