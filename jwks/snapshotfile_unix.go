//go:build unix

package jwks

import (
	"os"
	"syscall"
)

// openWithoutWaiting keeps a pipe from holding its reader until somebody writes.
const openWithoutWaiting = syscall.O_NONBLOCK

// foreignHand says why somebody else may have written the file; empty: nobody else can have.
func foreignHand(info os.FileInfo) string {
	if info.Mode().Perm()&0o022 != 0 {
		return "may be written by its group or others"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "has no owner"
	}
	if owner := int(stat.Uid); owner != 0 && owner != os.Geteuid() {
		return "belongs to another user"
	}
	return ""
}
