/** Names of our commands in other stores and tools. */

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

/** Our name for a command with another name elsewhere. The caller may not have that command. */
export function synonymOf(name: string): string | undefined {
  const lower = name.toLowerCase();
  return Object.keys(otherNames).find((ours) => otherNames[ours]!.includes(lower));
}
