package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/ownfile"
)

// SnapshotFile returns a [Snapshot] that is stored in the file at path. Use one file for each key set. The folder must
// exist, be on a local disk, and be writable for the user of the process only. The file is created when the first key set
// is saved.
//
// Save replaces the file atomically and makes it readable and writable for its owner alone. A reader finds either the
// old or the new content, even if several processes save at the same time. A snapshot of more than 1 MiB is not saved.
//
// Load rejects a file that is not a complete snapshot in this format. On Unix it also rejects a file that somebody else
// may have written: its owner must be root or the user of the process, and neither its group nor others may write it.
// On other systems a file's mode does not show its permissions, so Load cannot check them. Restrict the permissions of
// the folder there.
func SnapshotFile(path string) Snapshot { return snapshotFile(path) }

// snapshotFile is the path of the file.
type snapshotFile string

const (
	snapshotVersion  = 1 // increased by every change of the format
	maxSnapshotBytes = 1 << 20
)

// snapshotHead contains the members of the file, except for the set.
type snapshotHead struct {
	Version   int       `json:"version"`
	Issuer    string    `json:"issuer"`
	URL       string    `json:"url"`
	ETag      string    `json:"etag"`
	FetchedAt time.Time `json:"fetched_at"`
}

// Load implements [Snapshot].
func (path snapshotFile) Load(ctx context.Context) (SnapshotData, error) {
	if err := ctx.Err(); err != nil {
		return SnapshotData{}, err
	}
	text, err := ownfile.ReadTrusted(string(path), maxSnapshotBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return SnapshotData{}, nil
	}
	if err != nil {
		return SnapshotData{}, fmt.Errorf("snapshot: %w", err)
	}
	data, err := parseSnapshot(string(text))
	if err != nil {
		return SnapshotData{}, fmt.Errorf("snapshot %s: %w", string(path), err)
	}
	return data, nil
}

// Save implements [Snapshot].
func (path snapshotFile) Save(ctx context.Context, data SnapshotData) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := formatSnapshot(data)
	if err == nil {
		ownfile.RemoveLeftovers(filepath.Dir(string(path)))
		err = ownfile.Replace(string(path), text)
	}
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// formatSnapshot returns the content of the file. It contains the set as it is, so that an operator can read it.
func formatSnapshot(data SnapshotData) ([]byte, error) {
	if data.FetchedAt.IsZero() {
		return nil, errors.New("SnapshotData.FetchedAt is zero")
	}
	head := snapshotHead{snapshotVersion, data.Issuer, data.URL, data.ETag, data.FetchedAt}
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	text = append(text[:len(text)-1], `,"set":`...) // instead of the closing brace
	text = append(append(text, data.Body...), "}\n"...)
	if len(text) > maxSnapshotBytes {
		return nil, fmt.Errorf("the snapshot has more than %d bytes", maxSnapshotBytes)
	}
	if _, err := parseSnapshot(string(text)); err != nil { // a file that Load would reject must not be written
		return nil, err
	}
	return text, nil
}

// parseSnapshot parses what formatSnapshot returns, and rejects everything else. It does not check whether the set is usable.
func parseSnapshot(text string) (data SnapshotData, err error) {
	o, err := compact.ParseObject(text, maxDepth+1)
	if err != nil {
		return data, fmt.Errorf("not a snapshot: %w", err)
	}
	version, _ := o.Get("version")
	if n, ok := version.Number(); !ok || n != snapshotVersion {
		return data, fmt.Errorf("not a snapshot of version %d, which is the only one that this release reads", snapshotVersion)
	}
	texts := make(map[string]string)
	for _, name := range [...]string{"issuer", "url", "etag", "fetched_at"} {
		value, _ := o.Get(name)
		text, ok := value.Text()
		if !ok {
			return data, fmt.Errorf("not a snapshot: %s is not a string", name)
		}
		texts[name] = strings.Clone(text) // a substring would keep the whole file in memory
	}

	// The file has exactly the members above and the set. Another member could come from a later version, in which it
	// restricts how the set may be used.
	set, _ := o.Get("set")
	if set.Kind() != compact.KindObject || o.Len() != len(texts)+2 {
		return data, errors.New("not a snapshot: set is not an object, or there are other members")
	}
	at, err := time.Parse(time.RFC3339Nano, texts["fetched_at"])
	if err != nil || at.IsZero() {
		return data, errors.New("not a snapshot: fetched_at is not a time")
	}
	return SnapshotData{
		Issuer: texts["issuer"], URL: texts["url"], Body: []byte(set.Raw()), ETag: texts["etag"], FetchedAt: at.UTC(),
	}, nil
}
