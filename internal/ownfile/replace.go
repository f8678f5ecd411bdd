package ownfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	temporaryPrefix = ".bearerkit-" // of the names of temporary files

	// leftoverAge is the age from which a temporary file is assumed to belong to a process that has died. A write takes
	// much less time.
	leftoverAge = time.Hour
)

// Replace writes data to the file at path, which becomes readable and writable for its owner alone. The folder must exist
// and be on a local disk.
//
// Replace writes a temporary file in the same folder, flushes it to the disk and renames it. A reader finds either the
// old or the new content, even if several processes replace the file at the same time. If path is a symbolic link, the
// link is replaced, and the file that it points to is not changed. After an error the old file is unchanged.
func Replace(path string, data []byte) error {
	folder := filepath.Dir(path)
	temporary, err := os.CreateTemp(folder, temporaryPrefix+"*") // mode 0600, and never a file or link that exists
	if err != nil {
		return err
	}
	err = errors.Join(writeThrough(temporary, data), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return withoutTemporary(temporary.Name(), err)
	}
	syncFolder(folder)
	return nil
}

// writeThrough writes data to the disk, so that after a power failure the renamed file is not empty.
func writeThrough(file *os.File, data []byte) error {
	if err := file.Chmod(0o600); err != nil { // the umask may have removed even the owner's permissions
		return err
	}
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

// withoutTemporary removes a temporary file after err.
func withoutTemporary(path string, err error) error {
	if removeErr := os.Remove(path); removeErr != nil {
		return fmt.Errorf("%w; removing the temporary file: %w", err, removeErr)
	}
	return err
}

// RemoveLeftovers removes temporary files that [Replace] has left in folder because the process died during a write. Files
// that are younger than an hour stay, because another process may be writing them. Errors are ignored: the next call
// tries again.
func RemoveLeftovers(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), temporaryPrefix) || !entry.Type().IsRegular() {
			continue
		}
		// A leftover is only garbage, so its age does not need package clock.
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > leftoverAge {
			_ = os.Remove(filepath.Join(folder, entry.Name()))
		}
	}
}
