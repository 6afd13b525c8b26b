/** Names of options that both coordinator and shards know. */

export type CompressionName = "none" | "snappy" | "lz4" | "zstd";
export type DurabilityMode = "none" | "background" | "sync";
