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
// may share it: it is a [TokenLocker]. The folder must be on a local disk.
type FileTokens struct{ folder string }

var (
	_ TokenStore  = (*FileTokens)(nil)
	_ TokenLocker = (*FileTokens)(nil)
)

const (
	maxTokenFile  = 1 << 20
	lockPollEvery = 20 * time.Millisecond
)

// NewFileTokens makes the folder, for its owner alone, unless it is there.
func NewFileTokens(folder string) (*FileTokens, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	return &FileTokens{folder}, nil
}

// path hides the key, which may be a user's name, and whatever else a file's name cannot hold.
func (f *FileTokens) path(key, extension string) string {
	hash := sha256.Sum256([]byte(key))
	return filepath.Join(f.folder, hex.EncodeToString(hash[:])+extension)
}

// Load implements [TokenStore]. On Unix it refuses a file that others than its owner may read or write.
func (f *FileTokens) Load(_ context.Context, key string) (*Token, error) {
	text, err := readSecret(f.path(key, ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoToken
	}
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	token := new(Token)
	if err := json.Unmarshal(text, token); err != nil || token.AccessToken == "" {
		return nil, errors.New("client: FileTokens: the file holds no token")
	}
	return token, nil
}

func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the name is a hash, in a folder of the user's choice
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || exposed(info):
		return nil, fmt.Errorf("%s is open to others, so it is not used", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	if len(text) > maxTokenFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxTokenFile)
	}
	return text, err
}

// Save implements [TokenStore]. At any time there is a whole token or none.
func (f *FileTokens) Save(_ context.Context, key string, token *Token) error {
	text, err := json.Marshal(token) //nolint:gosec // G117: that is what the file is for
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
	beside, err := os.CreateTemp(filepath.Dir(path), ".token.*") // for its owner alone
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
	return nil
}

// Lock implements [TokenLocker]. The lock of a process that has ended is free.
func (f *FileTokens) Lock(ctx context.Context, key string) (unlock func(), err error) {
	path := f.path(key, ".lock")
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
