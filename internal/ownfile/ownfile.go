// Package ownfile reads and writes files that only their owner may change, such as stored tokens and snapshots of key
// sets.
//
// [Replace] writes a file atomically: after a crash or a power failure, and for every reader, the file has either the
// old or the new content. [ReadPrivate] and [ReadTrusted] check the permissions of the file that they have opened, and
// not those of the file at the path, so that nobody can replace the file between the check and the read.
//
// On Unix, permissions and owners are checked. On other systems a file's mode does not show its permissions, so nothing
// is checked. Restrict the permissions of the folder there.
package ownfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ReadPrivate returns the content of a file that holds a secret. On Unix the file must belong to the user of the process,
// nobody else may read or write it, and path must not be a symbolic link. It must be a regular file of at most maxBytes
// bytes. If there is no such file, the error matches [fs.ErrNotExist].
func ReadPrivate(path string, maxBytes int64) ([]byte, error) {
	return read(path, NoFollow, CheckPrivate, maxBytes)
}

// ReadTrusted returns the content of a file that decides what the program trusts. Others may read it. On Unix it must
// belong to the user of the process or to root, and neither its group nor others may write it. A symbolic link is
// followed, and the file that it points to is checked. It must be a regular file of at most maxBytes bytes. If there is
// no such file, the error matches [fs.ErrNotExist].
func ReadTrusted(path string, maxBytes int64) ([]byte, error) {
	return read(path, NoWait, checkTrusted, maxBytes)
}

func read(path string, flag int, check func(string, fs.FileInfo) error, maxBytes int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|flag, 0) //nolint:gosec // G304: the caller chooses the path
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if err := check(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if int64(len(data)) > maxBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxBytes)
	}
	return data, err
}

// CheckPrivate returns an error if info does not describe a regular file that only its owner, the user of the process,
// may read and write. path is used in the error. It is for files that another package has opened.
func CheckPrivate(path string, info fs.FileInfo) error {
	if err := checkRegular(path, info); err != nil {
		return err
	}
	if problem := sharedWith(info, ownerOnly, false); problem != "" {
		return fmt.Errorf("%s is not used: %s", path, problem)
	}
	return nil
}

// checkTrusted returns an error if somebody else than root or the user of the process may have written the file.
func checkTrusted(path string, info fs.FileInfo) error {
	if err := checkRegular(path, info); err != nil {
		return err
	}
	if problem := sharedWith(info, ownerWrites, true); problem != "" {
		return fmt.Errorf("%s is not trusted: %s", path, problem)
	}
	return nil
}

func checkRegular(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
}

// MakeFolder creates the folder at path, and its parents, for the user of the process alone. If the folder exists,
// MakeFolder only checks it, as [CheckFolder] does.
func MakeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return CheckFolder(path)
}

// CheckFolder returns an error if path is not a folder. On Unix it also returns an error if the folder belongs to another
// user, or if its group or others may write to it: they could replace the files in it.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if problem := sharedWith(info, ownerWrites, false); problem != "" {
		return fmt.Errorf("folder %s is not used: %s", path, problem)
	}
	return nil
}

// Permission bits that must not be set.
const (
	ownerWrites fs.FileMode = 0o022 // write permission for the group or others
	ownerOnly   fs.FileMode = 0o077 // any permission for the group or others
)
