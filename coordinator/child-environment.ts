/** The environment variables of the processes that FastKV starts: the program's own, but for what is meant for it alone. */
export function childEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  // Loaders and inspectors of the program are not for its shards.
  delete environment.NODE_OPTIONS;
  delete environment.NODE_CHANNEL_FD;
  // A shard speaks no TLS, and Node 20 parses all of its certificates at the start where this is set: some 90 ms.
  delete environment.NODE_EXTRA_CA_CERTS;
  // A shard unpacks small messages only: the native part of msgpackr would cost it more to load than it saves.
  environment.MSGPACKR_NATIVE_ACCELERATION_DISABLED = "true";
  return environment;
}
