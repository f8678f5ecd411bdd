package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/internal/ownfile"
	"github.com/bearerkit/bearerkit/seal"
)

// SealedFileTokensConfig describes a [FileTokens] whose files are encrypted.
type SealedFileTokensConfig struct {
	// Folder is where the files are, as for [NewFileTokens]. Required.
	Folder string

	// Sealer seals the files, for example a [seal.Keyring]. Required. Do not store its keys in Folder.
	Sealer seal.Sealer

	// InsecureAcceptPlaintext also reads files that are not sealed, from the time before sealing. They are sealed when the token
	// is saved next, or by [FileTokens.Reseal]. While it is set, somebody who can write to the folder can replace a token. False:
	// such a file is an error that names it.
	InsecureAcceptPlaintext bool
}

// NewSealedFileTokens returns the store in cfg.Folder, as [NewFileTokens] does. It seals tokens and registrations, so that
// nobody can read them in a copy of the folder. Each file is bound to its name, so two files cannot be exchanged. An older
// version of the same file can be put back.
//
// If a file cannot be opened, the error names it, and matches [seal.ErrDamaged], [seal.ErrUnknownKey], [seal.ErrNotSealed] or
// [seal.ErrTooLarge].
func NewSealedFileTokens(cfg SealedFileTokensConfig) (*FileTokens, error) {
	var faults []error
	if cfg.Folder == "" {
		faults = append(faults, errors.New("client: SealedFileTokensConfig.Folder is required"))
	}
	if nilcheck.IsNil(cfg.Sealer) {
		faults = append(faults, errors.New("client: SealedFileTokensConfig.Sealer is required"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	f, err := NewFileTokens(cfg.Folder)
	if err != nil {
		return nil, err
	}
	f.sealer, f.acceptPlaintext = cfg.Sealer, cfg.InsecureAcceptPlaintext
	return f, nil
}

// fileBinding binds the content of a file to its name, which contains a hash of the key of the token.
func fileBinding(path string) []byte { return seal.Bind("bearerkit file", filepath.Base(path)) }

// seal returns the content of the file at path for text.
func (f *FileTokens) seal(ctx context.Context, path string, text []byte) ([]byte, error) {
	if f.sealer == nil {
		return text, nil
	}
	return f.sealer.Seal(ctx, text, fileBinding(path))
}

// open returns the text in the content of the file at path.
func (f *FileTokens) open(ctx context.Context, path string, content []byte) ([]byte, error) {
	if f.sealer == nil {
		if seal.IsSealed(content) {
			return nil, fmt.Errorf("%s is sealed, but the store has no Sealer, expected one from NewSealedFileTokens", path)
		}
		return content, nil
	}
	text, err := f.sealer.Open(ctx, content, fileBinding(path))
	switch {
	case errors.Is(err, seal.ErrNotSealed) && f.acceptPlaintext:
		return content, nil
	case errors.Is(err, seal.ErrNotSealed):
		return nil, fmt.Errorf("%s: %w, expected a sealed file unless SealedFileTokensConfig.InsecureAcceptPlaintext is set", path, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// storedFile matches the name of a file with a token or a registration.
var storedFile = regexp.MustCompile(`^[0-9a-f]{64}(\.client)?\.json$`)

// Reseal seals all files again that were sealed with an older key, so that the key can be removed. With
// InsecureAcceptPlaintext, it also seals the files that are not sealed. It returns how many files it has replaced. Without a
// Sealer it is an error.
//
// Reseal holds the lock of each token while it replaces the file, so it may run while a [TokenSource] uses the store. Do not
// run it while something else saves tokens without the lock, or saves registrations: their files could get their previous
// content. If a file cannot be sealed again, Reseal continues, and the error joins the errors of all such files.
func (f *FileTokens) Reseal(ctx context.Context) (replaced int, err error) {
	if f.sealer == nil {
		return 0, errors.New("client: FileTokens: Reseal needs a Sealer, expected a store from NewSealedFileTokens")
	}
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		return 0, fmt.Errorf("client: FileTokens: %w", err)
	}
	var faults []error
	for _, entry := range entries {
		if !storedFile.MatchString(entry.Name()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			faults = append(faults, err)
			break
		}
		changed, err := f.reseal(ctx, filepath.Join(f.folder, entry.Name()))
		if err != nil {
			faults = append(faults, fmt.Errorf("client: FileTokens: %w", err))
		}
		if changed {
			replaced++
		}
	}
	return replaced, errors.Join(faults...)
}

// reseal seals one file again if that is necessary.
func (f *FileTokens) reseal(ctx context.Context, path string) (changed bool, err error) {
	hash, _, _ := strings.Cut(filepath.Base(path), ".")
	unlock, err := f.lock(ctx, filepath.Join(f.folder, hash+lockExtension))
	if err != nil {
		return false, err
	}
	defer unlock()
	content, err := ownfile.ReadPrivate(path, maxTokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // deleted in the meantime
	}
	if err != nil || !f.sealer.NeedsReseal(content) {
		return false, err
	}
	text, err := f.open(ctx, path, content)
	if err != nil {
		return false, err
	}
	if err := f.write(ctx, path, text, "file"); err != nil {
		return false, err
	}
	return true, nil
}
