import type { Redis } from "ioredis";
import { RedisServer } from "./redis-server.js";
import { type Entry, importProblem, type Peer, type Store } from "./store.js";

export function redis(name: string): Peer {
  return {
    name,
    settings:
      "ioredis with auto-pipelining over a Unix socket; append-only file, appendfsync everysec: acknowledged when written, synced each second (fsynced: appendfsync always); all data in memory; batches are MSET",
    async missing() {
      if (RedisServer.version() === undefined) {
        return "there is no redis-server on this system";
      }
      return importProblem(() => import("ioredis"));
    },
    async open({ folder, values, durability }) {
      const { Redis } = await import("ioredis");
      const server = await RedisServer.start(folder, durability === "sync" ? "always" : "everysec");
      const client = new Redis({ path: server.socketPath, enableAutoPipelining: true });
      await client.ping();
      return values === "json" ? new JsonRedisStore(client, server) : new BinaryRedisStore(client, server);
    },
  };
}

abstract class RedisStore implements Store {
  protected readonly client: Redis;
  readonly #server: RedisServer;

  constructor(client: Redis, server: RedisServer) {
    this.client = client;
    this.#server = server;
  }

  abstract put(key: string, value: unknown): Promise<unknown>;
  abstract get(key: string): Promise<unknown>;
  abstract getMany(keys: string[]): Promise<unknown[]>;
  abstract batch(entries: Entry[]): Promise<unknown>;

  drain(): void {}

  settle(): void {}

  processIds(): number[] {
    return [this.#server.pid];
  }

  async close(): Promise<void> {
    this.client.disconnect();
    await this.#server.stop();
  }
}

class JsonRedisStore extends RedisStore {
  put(key: string, value: unknown): Promise<unknown> {
    return this.client.set(key, JSON.stringify(value));
  }

  async get(key: string): Promise<unknown> {
    const stored = await this.client.get(key);
    return stored === null ? undefined : JSON.parse(stored);
  }

  async getMany(keys: string[]): Promise<unknown[]> {
    const all = await this.client.mget(keys);
    return all.map((stored) => (stored === null ? undefined : JSON.parse(stored)));
  }

  batch(entries: Entry[]): Promise<unknown> {
    return this.client.mset(entries.flatMap(([key, value]) => [key, JSON.stringify(value)]));
  }
}

class BinaryRedisStore extends RedisStore {
  put(key: string, value: unknown): Promise<unknown> {
    return this.client.set(key, value as Buffer);
  }

  async get(key: string): Promise<unknown> {
    return (await this.client.getBuffer(key)) ?? undefined;
  }

  async getMany(keys: string[]): Promise<unknown[]> {
    return (await this.client.mgetBuffer(keys)).map((stored) => stored ?? undefined);
  }

  batch(entries: Entry[]): Promise<unknown> {
    return this.client.mset(entries.flat() as (string | Buffer)[]);
  }
}
