//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package client

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK // a pipe would be waited for

	othersMay = 0o077 // nothing of this
)

// isOwn reports whether a file is this user's. Another could change it, whatever its permissions say now.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(stat.Uid) == int64(os.Geteuid())
}

// syncFolder has a new name outlive the machine. Not every file system can, and the file is in its place already.
func syncFolder(folder string) {
	if file, err := os.Open(folder); err == nil { //nolint:gosec // G304: see openSecret
		_, _ = file.Sync(), file.Close()
	}
}

// tryLock locks a file that stays: to remove it would give two processes a lock each.
func tryLock(path string) (unlock func(), err error) {
	file, err := openSecret(path, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		_ = file.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return nil, errLocked
		}
		return nil, err
	}
	return func() { _ = file.Close() }, nil // which unlocks it, also when the process ends
}
