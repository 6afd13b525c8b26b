/**
 * Checks who controls a database folder. If another user owns it or may write to it, it must not hold a database: they
 * could exchange its files, replace them by links, or name processes in its owner file that the next opener would kill.
 */

import { FastKVError } from "../../shared/errors.js";
import {
  currentUserId,
  type FolderAccess,
  folderAccess,
  nameAccess,
  namesIn,
} from "../../shared/storage/folder-access.js";
import { isShardFolderName } from "./shard-folders.js";

const writableByGroup = 0o020;
const writableByOthers = 0o002;
const superuserId = 0;

/** Describes what is wrong with a folder for the user `userId`; undefined if nothing is. */
export function distrust(access: FolderAccess, userId: number): string | undefined {
  if (access.isLink) {
    // The owner of a link decides where it leads, now and later.
    return access.ownerId === userId || access.ownerId === superuserId
      ? undefined
      : `is a link that user ${access.ownerId} made, and this process is user ${userId}`;
  }
  if (access.ownerId !== userId) {
    return `belongs to user ${access.ownerId}, and this process is user ${userId}`;
  }
  // Systems that give each user a private group, with the user's number, let that group write to the user's files.
  const isGroupPrivate = access.groupId === userId;
  const tooMuch = isGroupPrivate ? writableByOthers : writableByOthers | writableByGroup;
  if ((access.mode & tooMuch) !== 0) {
    return `may be written by other users (its mode is ${access.mode.toString(8).padStart(4, "0")})`;
  }
  return undefined;
}

function unsafe(folder: string, what: string, wayOut: string): FastKVError {
  return new FastKVError("FASTKV_UNSAFE_FOLDER", `The folder ${folder} ${what}. ${wayOut}`);
}

const takeIt =
  "Choose a folder of your own (a new one inside of it will do), take it over with chown and chmod 700, or, where " +
  "you trust everybody who may write there, open it with allowSharedFolder: true (--allow-shared-folder).";

/**
 * Checks the folder of a database, which must exist, and the folders of its shards. Called when the folder exists, and
 * before anything in it is read or created, so that a folder that another user has just created is also detected.
 *
 * @throws FastKVError `FASTKV_UNSAFE_FOLDER`
 */
export function checkFolderTrust(folder: string, { allowShared }: { allowShared: boolean }): void {
  const userId = currentUserId();
  const shards = namesIn(folder)
    .filter(isShardFolderName)
    .map((name) => `${folder}/${name}`);
  for (const shard of shards) {
    if (nameAccess(shard).isLink) {
      throw unsafe(shard, "is a symbolic link", "Put the folder itself in its place.");
    }
  }
  if (allowShared || userId === undefined) {
    return;
  }
  for (const [name, access] of [
    [folder, nameAccess(folder)],
    [folder, folderAccess(folder)],
    ...shards.map((shard) => [shard, nameAccess(shard)] as const),
  ] as const) {
    const what = distrust(access, userId);
    if (what !== undefined) {
      throw unsafe(name, what, takeIt);
    }
  }
}

/**
 * Checks the folder that was just created for the shards' socket: another user may have guessed its name and created it
 * first.
 *
 * @throws FastKVError `FASTKV_UNSAFE_FOLDER`
 */
export function checkPrivateFolder(folder: string): void {
  const userId = currentUserId();
  const access = nameAccess(folder);
  const isPrivate = !access.isLink && access.ownerId === userId && (access.mode & 0o077) === 0;
  if (userId !== undefined && (!isPrivate || namesIn(folder).length > 0)) {
    throw unsafe(
      folder,
      "was to be private and new, and is not",
      "Try again, or choose another runtimeFolder.",
    );
  }
}
