/** What other stores and tools call our commands. */

const otherNames: Record<string, readonly string[]> = {
  get: ["fetch", "read"],
  put: ["add", "insert", "set", "store", "update", "write"],
  delete: ["del", "remove", "rm", "unset"],
  scan: ["iterate", "keys", "list", "ls", "query", "range"],
  has: ["contains", "exists"],
  count: ["dbsize", "size"],
  batch: ["begin", "transaction"],
  end: ["commit"],
  cancel: ["rollback"],
  bulk: ["load"],
  export: ["backup", "dump"],
  verify: ["check"],
  repair: ["fix"],
  stats: ["info", "status"],
  exit: ["bye", "close", "q"],
};

/** Our name of a command that others call so; whoever asks may not have that command. */
export function synonymOf(name: string): string | undefined {
  const lower = name.toLowerCase();
  return Object.keys(otherNames).find((ours) => otherNames[ours]!.includes(lower));
}
