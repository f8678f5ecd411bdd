//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package client

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// exposed reports whether others than its owner may read or write a file.
func exposed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// tryLock locks a file that stays: to remove it would give two processes a lock each.
func tryLock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // G304: see readSecret
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		_ = file.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, err
	}
	return func() { _ = file.Close() }, nil // which unlocks it, also when the process ends
}
