package client

import (
	"errors"
	"io/fs"
	"syscall"
)

// Permissions are kept where a file's mode does not say.
const openFlags, othersMay = 0, 0

func isOwn(fs.FileInfo) bool { return true }

func syncFolder(string) {}

const errorSharingViolation syscall.Errno = 32

// tryLock opens a file for itself alone. It stays, and is free when the process ends.
func tryLock(path string) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(
		name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0,
	)
	switch {
	case errors.Is(err, errorSharingViolation):
		return nil, errLocked
	case err != nil:
		return nil, err
	}
	return func() { _ = syscall.CloseHandle(handle) }, nil
}
