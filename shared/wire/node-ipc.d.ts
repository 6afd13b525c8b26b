/** node-ipc 14 has no types; these are the parts that FastKV uses. */
declare module "node-ipc" {
  import type { Socket } from "node:net";

  interface Emitter {
    on(event: string, listener: (...values: never[]) => void): unknown;
  }

  export interface IpcClient extends Emitter {
    socket: Socket;
  }

  export interface IpcServer extends Emitter {
    start(): void;
    stop(): void;
    server: import("node:net").Server;
  }

  export class IPCModule {
    config: Record<string, unknown>;
    of: Record<string, IpcClient | undefined>;
    server: IpcServer;
    serve(path: string, onStart?: () => void): void;
    connectTo(id: string, path: string, onConnecting?: () => void): void;
    disconnect(id: string): void;
  }
}
