/**
 * The environment variables of the processes that FastKV starts: the program's own, except those meant only for the
 * program.
 */
export function childEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  // Loaders and inspectors of the program must not run in its shards.
  delete environment.NODE_OPTIONS;
  delete environment.NODE_CHANNEL_FD;
  // Shards do not use TLS. If this variable is set, Node 20 parses all its certificates at start, which takes about 90
  // ms.
  delete environment.NODE_EXTRA_CA_CERTS;
  // Shards unpack only small messages: loading the native part of msgpackr would cost more than it saves.
  environment.MSGPACKR_NATIVE_ACCELERATION_DISABLED = "true";
  return environment;
}
