/** Counts calls for coverage tables, and remembers the last ones for failure messages. */

export type DiskOperation =
  | "create"
  | "open"
  | "close"
  | "write"
  | "read"
  | "size"
  | "truncate"
  | "sync"
  | "exists"
  | "list"
  | "makeFolder"
  | "rename"
  | "link"
  | "remove"
  | "removeFolder"
  | "syncFolder";

export interface DiskCall {
  operation: DiskOperation;
  /** The file or folder; for rename and link the new name. */
  path: string;
  /** For rename and link: the old name. */
  from?: string;
  position?: number;
  bytes?: number;
}

export interface CallCount {
  operation: DiskOperation;
  path: string;
  count: number;
}

const traceLength = 64;

export class CallRecorder {
  readonly #counts = new Map<DiskOperation, Map<string, number>>();
  readonly #trace: (DiskCall | string)[] = [];
  #next = 0;

  record(call: DiskCall): void {
    let paths = this.#counts.get(call.operation);
    if (paths === undefined) {
      paths = new Map();
      this.#counts.set(call.operation, paths);
    }
    paths.set(call.path, (paths.get(call.path) ?? 0) + 1);
    this.note(call);
  }

  note(entry: DiskCall | string): void {
    this.#trace[this.#next] = entry;
    this.#next = (this.#next + 1) % traceLength;
  }

  counts(): CallCount[] {
    return [...this.#counts].flatMap(([operation, paths]) =>
      [...paths].map(([path, count]) => ({ operation, path, count })),
    );
  }

  /** The last calls, one a line, the latest last. */
  trace(): string[] {
    return [...this.#trace.slice(this.#next), ...this.#trace.slice(0, this.#next)].map((entry) =>
      typeof entry === "string" ? entry : describeCall(entry),
    );
  }

  /** The trace goes on over a crash; the counts start anew. */
  continueTrace(): CallRecorder {
    const next = new CallRecorder();
    next.#trace.push(...this.#trace);
    next.#next = this.#next;
    return next;
  }
}

export function describeCall(call: DiskCall): string {
  const origin = call.from === undefined ? "" : `${call.from} -> `;
  const range = call.bytes === undefined ? "" : ` ${call.bytes} bytes`;
  const place = call.position === undefined ? "" : ` at ${call.position}`;
  return `${call.operation} ${origin}${call.path}${range}${place}`;
}
