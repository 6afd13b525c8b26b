import fs from "node:fs";

/** Who may do what with a folder. */
export interface FolderAccess {
  /** The user who owns it. */
  ownerId: number;
  groupId: number;
  /** The permission bits, such as 0o700. */
  mode: number;
  isLink: boolean;
}

function access(stats: fs.Stats): FolderAccess {
  return {
    ownerId: stats.uid,
    groupId: stats.gid,
    mode: stats.mode & 0o7777,
    isLink: stats.isSymbolicLink(),
  };
}

/** Of a folder, or of what a link to it leads to. Throws the system's own error where there is none. */
export function folderAccess(path: string): FolderAccess {
  return access(fs.statSync(path));
}

/** Of what has this very name: where it is a symbolic link, of the link. */
export function nameAccess(path: string): FolderAccess {
  return access(fs.lstatSync(path));
}

/** What a folder holds, by name; nothing where it cannot be listed. */
export function namesIn(path: string): string[] {
  try {
    return fs.readdirSync(path).sort();
  } catch {
    return [];
  }
}

/** The user whose rights this process has; undefined where the system knows no such users (Windows). */
export function currentUserId(): number | undefined {
  return process.geteuid?.();
}
