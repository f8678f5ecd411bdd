//go:build unix

package ownfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Flags for [os.OpenFile].
const (
	// NoWait keeps the opening of a named pipe from waiting until another process opens it too.
	NoWait = syscall.O_NONBLOCK

	// NoFollow is NoWait, and lets the opening of a symbolic link fail. It concerns the last element of the path only.
	NoFollow = syscall.O_NOFOLLOW | NoWait
)

// sharedWith returns why other users can change or read what info describes, or an empty string if they cannot. No bit of
// forbidden may be set. The owner must be the user of the process or, if orRoot is true, root: an owner can change the
// file, whatever its mode is now.
func sharedWith(info fs.FileInfo, forbidden fs.FileMode, orRoot bool) string {
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return fmt.Sprintf("its mode is %#o, and permissions %#o must be taken from its group and others", mode, mode&forbidden)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "its owner is unknown"
	}
	owner, user := int64(stat.Uid), int64(os.Geteuid())
	if owner == user || orRoot && owner == 0 {
		return ""
	}
	return fmt.Sprintf("it belongs to user %d, and this process runs as user %d", owner, user)
}

// syncFolder flushes a new directory entry to the disk, so that it survives a power failure. Errors are ignored: not every
// file system supports it, and the file is already in its place.
func syncFolder(path string) {
	if folder, err := os.Open(path); err == nil { //nolint:gosec // G304: the caller chooses the path
		_, _ = folder.Sync(), folder.Close()
	}
}
