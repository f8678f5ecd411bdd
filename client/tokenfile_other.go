//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package client

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Permissions are kept where a file's mode does not say.
const openFlags, othersMay = 0, 0

func isOwn(fs.FileInfo) bool { return true }

func syncFolder(string) {}

// lockAge is when a lock is taken for one of a process that has ended: a refresh takes less.
const lockAge = 5 * time.Minute

// tryLock makes a file that is not there yet.
func tryLock(path string) (unlock func(), err error) {
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > lockAge {
		_ = os.Remove(path)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrPermission) {
		return nil, errLocked
	}
	if err != nil {
		return nil, err
	}
	return func() { _, _ = file.Close(), os.Remove(path) }, nil
}
