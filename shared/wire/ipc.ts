/**
 * The transport: node-ipc in raw mode over a Unix socket. The only module that uses node-ipc; it exposes only plain
 * sockets and chunks of bytes.
 */

import type { Socket } from "node:net";
import { IPCModule } from "node-ipc";

/**
 * Creates a separate module instance for each end (many databases may be open in one process), with every relevant
 * setting given explicitly. The defaults would log to the console, retry forever, unlink whatever has the socket's
 * name, and close a connection that has much to send.
 */
function newIpc(id: string): IPCModule {
  const ipc = new IPCModule();
  Object.assign(ipc.config, {
    appspace: "",
    id,
    rawBuffer: true,
    encoding: "utf8",
    sync: false,
    silent: true,
    logger: () => undefined,
    logPayloads: false,
    maxConnections: 1024,
    maxPendingBytes: 0,
    messageTimeout: 0,
    retry: 0,
    maxRetries: 0,
    stopRetrying: true,
    unlink: false,
    secureSocketRoot: false,
    readableAll: false,
    writableAll: false,
    identifyPeer: false,
  });
  return ipc;
}

export interface ConnectionEvents {
  onConnect(): void;
  onChunk(chunk: Buffer): void;
  /** Called once, whatever the cause. */
  onClose(): void;
}

/** Connects to a socket. The socket is returned at once and may be written to after `onConnect`. */
export function connectIpc(path: string, events: ConnectionEvents): Socket {
  const ipc = newIpc("fastkv-client");
  const name = "coordinator";
  ipc.connectTo(name, path);
  const client = ipc.of[name]!;
  let isClosed = false;
  client.on("connect", () => events.onConnect());
  client.on("data", (chunk: Buffer) => events.onChunk(chunk));
  // A failed connection also emits "disconnect".
  client.on("error", () => undefined);
  client.on("disconnect", () => {
    if (!isClosed) {
      isClosed = true;
      events.onClose();
    }
  });
  return client.socket;
}

export interface ServerEvents {
  onConnection(socket: Socket): void;
  onChunk(chunk: Buffer, socket: Socket): void;
  onDisconnect(socket: Socket): void;
}

export interface IpcListener {
  /** Closes the server and every connection, and removes the socket's file. */
  close(): void;
}

/** Listens on a socket that must not exist yet. The permissions of its folder keep other users out. */
export function listenIpc(path: string, events: ServerEvents): Promise<IpcListener> {
  return new Promise((resolve, reject) => {
    const ipc = newIpc("fastkv-server");
    ipc.serve(path, () => resolve({ close: () => ipc.server.stop() }));
    const { server } = ipc;
    server.on("connect", (socket: Socket) => events.onConnection(socket));
    server.on("data", (chunk: Buffer, socket: Socket) => events.onChunk(chunk, socket));
    server.on("socket.disconnected", (socket: Socket) => events.onDisconnect(socket));
    server.on("error", (error: Error) => reject(error));
    server.start();
  });
}
