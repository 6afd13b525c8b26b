import fs from "node:fs";

/** The owner and permissions of a folder. */
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

/** Returns the access of a folder, or of the target of a link. Throws the system's own error if it does not exist. */
export function folderAccess(path: string): FolderAccess {
  return access(fs.statSync(path));
}

/** Returns the access of the name itself: for a symbolic link, of the link. */
export function nameAccess(path: string): FolderAccess {
  return access(fs.lstatSync(path));
}

/** Returns the names in a folder; none if it cannot be listed. */
export function namesIn(path: string): string[] {
  try {
    return fs.readdirSync(path).sort();
  } catch {
    return [];
  }
}

/** The user whose rights this process has; undefined on systems without such user ids (Windows). */
export function currentUserId(): number | undefined {
  return process.geteuid?.();
}
