package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/bearerkit/bearerkit/internal/ownfile"
	"github.com/bearerkit/bearerkit/seal"
)

// FileTokens is a [CredentialStore] in a folder, with one file for each token and each registration. Only the owner of a file
// may read it. Several processes on one machine may share the folder, because FileTokens is also a [TokenLocker]. The folder
// must be on a local disk. FileTokens is safe for concurrent use.
//
// If a file does not contain a token, or has wrong permissions, the error names the file. FileTokens does not change such
// a file until [FileTokens.Delete] or [FileTokens.Save] is called.
//
// On Unix, FileTokens rejects a folder that others may write to, and files and folders of other users. It does not follow
// a symbolic link in the folder. On other systems, only the permissions of the folder protect the tokens.
//
// [NewSealedFileTokens] returns a FileTokens that encrypts its files.
type FileTokens struct {
	folder          string
	sealer          seal.Sealer // nil: the files are JSON
	acceptPlaintext bool
}

var (
	_ TokenStore  = (*FileTokens)(nil)
	_ TokenLocker = (*FileTokens)(nil)
)

const (
	tokenExtension = ".json"
	lockExtension  = ".lock"

	maxTokenFile  = 1 << 20
	lockPollEvery = 20 * time.Millisecond
)

// NewFileTokens returns the store in folder. It creates the folder for its owner alone, or checks the one that exists.
func NewFileTokens(folder string) (*FileTokens, error) {
	folder, err := filepath.Abs(folder) // the process may change its working directory
	if err == nil {
		err = ownfile.MakeFolder(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	ownfile.RemoveLeftovers(folder)
	return &FileTokens{folder: folder}, nil
}

// path returns the path of the file for key. The name is a hash: a key may be a user's name, and may have characters that
// a file name cannot have.
func (f *FileTokens) path(key, extension string) string {
	hash := sha256.Sum256([]byte(key))
	return filepath.Join(f.folder, hex.EncodeToString(hash[:])+extension)
}

// Load implements [TokenStore]. On Unix it rejects a file that others than its owner may read or write.
func (f *FileTokens) Load(ctx context.Context, key string) (*Token, error) {
	path := f.path(key, tokenExtension)
	text, found, err := f.read(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	if !found {
		return nil, ErrNoToken
	}
	token := new(Token)
	if err := json.Unmarshal(text, token); err != nil || token.AccessToken == "" && token.RefreshToken == "" {
		// The error of the decoder is dropped, because it may quote the token.
		return nil, fmt.Errorf("client: FileTokens: %s does not contain a token", path)
	}
	return token, nil
}

// read returns the text in a file that only its owner may read. It checks the folder first. Only the file system decides
// whether the file exists: an error of the Sealer may match fs.ErrNotExist for another reason.
func (f *FileTokens) read(ctx context.Context, path string) (text []byte, found bool, err error) {
	var content []byte
	err = ownfile.CheckFolder(f.folder)
	if err == nil {
		content, err = ownfile.ReadPrivate(path, maxTokenFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err == nil {
		text, err = f.open(ctx, path, content)
	}
	return text, true, err
}

// write replaces the file at path atomically. what is used in the error.
func (f *FileTokens) write(ctx context.Context, path string, text []byte, what string) error {
	content, err := f.seal(ctx, path, text)
	if err == nil && len(content) > maxTokenFile {
		err = fmt.Errorf("the %s has more than %d bytes", what, maxTokenFile)
	}
	if err == nil {
		err = ownfile.CheckFolder(f.folder)
	}
	if err == nil {
		err = ownfile.Replace(path, content)
	}
	return err
}

// Save implements [TokenStore]. It replaces the file atomically: at any time there is a whole token or none.
func (f *FileTokens) Save(ctx context.Context, key string, token *Token) error {
	text, err := json.Marshal(token)
	if err == nil {
		err = f.write(ctx, f.path(key, tokenExtension), text, "token")
	}
	if err != nil {
		return fmt.Errorf("client: FileTokens: %w", err)
	}
	return nil
}

// Delete implements [TokenStore].
func (f *FileTokens) Delete(_ context.Context, key string) error {
	if err := os.Remove(f.path(key, tokenExtension)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("client: FileTokens: %w", err)
	}
	return nil
}

// Lock implements [TokenLocker]. It waits until no other process, and no other caller in this process, holds the lock of
// key, or until ctx ends. The operating system releases the lock of a process that dies. On js and plan9, which have no
// file locks, the error matches [errors.ErrUnsupported].
func (f *FileTokens) Lock(ctx context.Context, key string) (unlock func(), err error) {
	unlock, err = f.lock(ctx, f.path(key, lockExtension))
	if err != nil {
		return nil, fmt.Errorf("client: FileTokens: %w", err)
	}
	return unlock, nil
}

// lock locks the file at path. The file is never removed: a process that has already opened it and another one that
// creates it again would both get a lock.
func (f *FileTokens) lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := ownfile.CheckFolder(f.folder); err != nil {
		return nil, err
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR|ownfile.NoFollow), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockPollEvery); err != nil {
		return nil, err
	}
	unlock = func() { _ = lock.Unlock() }
	info, err := lock.Stat() // of the open file
	if err == nil {
		err = ownfile.CheckPrivate(path, info)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}
