import { FastKVError } from "../../shared/errors.js";
import type { ShardRequest } from "../../shared/wire/messages.js";
import type { PageRequest } from "../../shared/wire/page.js";

/** A request that gets a reply: a message, or a request for a page. */
export type AnyRequest = ShardRequest | PageRequest;

export interface Reply {
  /** The content of a message. */
  meta: unknown;
  /** The data attached to a message, or the frame of a page. */
  raw: Buffer;
}

export interface PendingRequest {
  request: AnyRequest;
  raw: Buffer | undefined;
  /** If true, it is sent again to a restarted shard; else it fails with the shard. */
  isRepeatable: boolean;
  resolve(reply: Reply): void;
  reject(error: FastKVError): void;
}

/** Request ids run from 1 to this and start again. The next higher number is reserved for opening. */
const lastId = 0xffff_fffe;
export const openingId = 0xffff_ffff;
const overheadBytesPerRequest = 1024;

/** The requests of one shard that wait for their replies, by id. */
export class PendingRequests {
  readonly #requests = new Map<number, PendingRequest>();
  #nextId = 1;

  /** The bytes that they count as in flight. */
  get inFlightBytes(): number {
    return this.#requests.size * overheadBytesPerRequest;
  }

  get isEmpty(): boolean {
    return this.#requests.size === 0;
  }

  add(request: PendingRequest): number {
    const id = this.#nextId;
    this.#nextId = id === lastId ? 1 : id + 1;
    this.#requests.set(id, request);
    return id;
  }

  addOpening(request: PendingRequest): void {
    this.#requests.set(openingId, request);
  }

  /** Returns undefined if nobody waits for the reply any more. */
  take(id: number): PendingRequest | undefined {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request;
  }

  takeAll(): PendingRequest[] {
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    return requests;
  }

  /** The shard died: requests that must not be sent twice fail. */
  failUnrepeatable(shardIndex: number): void {
    for (const [id, { request, isRepeatable, reject }] of this.#requests) {
      if (!isRepeatable) {
        this.#requests.delete(id);
        reject(lostRequest(shardIndex, request));
      }
    }
  }

  /** The batch log is no longer written: no memtable can be flushed that has a part of a batch missing in the log. */
  failFlushes(error: FastKVError): void {
    for (const [id, { request, reject }] of this.#requests) {
      if (request.type === "flush" || request.type === "compact") {
        this.#requests.delete(id);
        reject(error);
      }
    }
  }

  entries(): [number, PendingRequest][] {
    return [...this.#requests];
  }
}

export function lostRequest(shardIndex: number, request: AnyRequest): FastKVError {
  const message = request.type.startsWith("load-")
    ? `Shard ${shardIndex} ended during a bulk load, of which nothing is there. Load again.`
    : `Shard ${shardIndex} ended before it answered. Call again.`;
  return new FastKVError("FASTKV_SHARD_UNAVAILABLE", message, { writeOutcome: "not-applied" });
}
