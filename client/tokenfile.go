package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// FileTokens is a [TokenStore] in a folder, one file for each key, which only its owner may read. Processes of one machine
// may share it: it is a [TokenLocker]. The folder must be on a local disk. A file that cannot be used is an error, which
// names it, and stays as it is until it is deleted, by [FileTokens.Delete] as well, or a new sign-in is saved.
//
// On Unix it refuses a folder that others may write to, and files and folders that are not this user's own; a symbolic link
// is never followed from the folder. On Windows the permissions are those of the folder.
type FileTokens struct{ folder string }

var (
	_ TokenStore  = (*FileTokens)(nil)
	_ TokenLocker = (*FileTokens)(nil)
)

const (
	maxTokenFile  = 1 << 20
	lockPollEvery = 20 * time.Millisecond
	besidePattern = ".token.*"
	besideAge     = time.Hour // of what a process has left that ended while it wrote
)

// NewFileTokens makes the folder, for its owner alone, unless it is there.
func NewFileTokens(folder string) (*FileTokens, error) {
	folder, err := filepath.Abs(folder) // the process may go elsewhere
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err == nil {
		err = checkFolder(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	removeBeside(folder)
	return &FileTokens{folder}, nil
}

func removeBeside(folder string) {
	left, _ := filepath.Glob(filepath.Join(folder, besidePattern)) // a folder with signs of patterns keeps them
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > besideAge {
			_ = os.Remove(path) // or the next time
		}
	}
}

// path hides the key, which may be a user's name, and whatever else a file's name cannot hold.
func (f *FileTokens) path(key, extension string) string {
	hash := sha256.Sum256([]byte(key))
	return filepath.Join(f.folder, hex.EncodeToString(hash[:])+extension)
}

// Load implements [TokenStore]. On Unix it refuses a file that others than its owner may read or write.
func (f *FileTokens) Load(_ context.Context, key string) (*Token, error) {
	path := f.path(key, ".json")
	text, err := f.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoToken
	}
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	token := new(Token)
	if err := json.Unmarshal(text, token); err != nil || token.AccessToken == "" && token.RefreshToken == "" {
		return nil, fmt.Errorf("client: FileTokens: %s holds no token", path) // err may quote it
	}
	return token, nil
}

func (f *FileTokens) read(path string) ([]byte, error) {
	if err := checkFolder(f.folder); err != nil {
		return nil, err
	}
	file, err := openSecret(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	if len(text) > maxTokenFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxTokenFile)
	}
	return text, err
}

// openSecret opens a file that is nobody else's.
func openSecret(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag|openFlags, 0o600) //nolint:gosec // G304: the name is a hash, in a folder of the user's choice
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no regular file", path)
	case !isOwn(info) || info.Mode().Perm()&othersMay != 0:
		err = fmt.Errorf("%s is open to others, so it is not used", path)
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return file, nil
}

// checkFolder refuses one where others could put files in the place of ours.
func checkFolder(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder", folder)
	case !isOwn(info) || info.Mode().Perm()&othersMay&0o022 != 0:
		return fmt.Errorf("%s is open to others, so it is not used", folder)
	}
	return nil
}

// Save implements [TokenStore]. At any time there is a whole token or none.
func (f *FileTokens) Save(_ context.Context, key string, token *Token) error {
	text, err := json.Marshal(token) //nolint:gosec // G117: that is what the file is for
	if err == nil && len(text) > maxTokenFile {
		err = fmt.Errorf("the token has more than %d bytes", maxTokenFile)
	}
	if err == nil {
		err = checkFolder(f.folder)
	}
	if err == nil {
		err = replaceFile(f.path(key, ".json"), text)
	}
	if err != nil {
		return fmt.Errorf("client: FileTokens: %w", err)
	}
	return nil
}

// Delete implements [TokenStore].
func (f *FileTokens) Delete(_ context.Context, key string) error {
	if err := os.Remove(f.path(key, ".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("client: FileTokens: %w", err)
	}
	return nil
}

// replaceFile writes beside the file, through to the disk, and then takes its place.
func replaceFile(path string, text []byte) error {
	beside, err := os.CreateTemp(filepath.Dir(path), besidePattern) // for its owner alone
	if err != nil {
		return err
	}
	_, err = beside.Write(text)
	if err == nil {
		err = beside.Sync()
	}
	if err = errors.Join(err, beside.Close()); err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside.Name()))
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// Lock implements [TokenLocker]. The lock of a process that has ended is free.
func (f *FileTokens) Lock(ctx context.Context, key string) (unlock func(), err error) {
	path := f.path(key, ".lock")
	if err := checkFolder(f.folder); err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	for {
		unlock, err := tryLock(path)
		if err == nil {
			return unlock, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("client: FileTokens: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("client: FileTokens: %w", ctx.Err())
		case <-time.After(lockPollEvery):
		}
	}
}

// errLocked says that somebody else holds a lock.
var errLocked = errors.New("locked by another")
