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
// Save replaces the file atomically and makes it readable and writable for its owner alone. At any time the file is the
// old one or the new one as a whole, also if several processes save to it. A snapshot of more than 1 MiB is not saved.
//
// Load rejects a file that is not a complete snapshot in this format. On Unix it also rejects a file that somebody else
// may have written: its owner must be root or the user of the process, and neither its group nor others may write it.
// Other systems do not show permissions in a file's mode. There, the permissions of the folder are all that protects the
// keys.
func SnapshotFile(path string) Snapshot { return snapshotFile(path) }

type snapshotFile string

const (
	snapshotVersion  = 1
	maxSnapshotBytes = 1 << 20
)

// snapshotHead is what the file says beside the set itself.
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

// formatSnapshot writes the set into the file as it is, for people to read.
func formatSnapshot(data SnapshotData) ([]byte, error) {
	if data.FetchedAt.IsZero() {
		return nil, errors.New("it does not say when the set was fetched")
	}
	head := snapshotHead{snapshotVersion, data.Issuer, data.URL, data.ETag, data.FetchedAt}
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	text = append(text[:len(text)-1], `,"set":`...)
	text = append(append(text, data.Body...), "}\n"...)
	if len(text) > maxSnapshotBytes {
		return nil, fmt.Errorf("it has more than %d bytes", maxSnapshotBytes)
	}
	if _, err := parseSnapshot(string(text)); err != nil { // better no file than one that is refused
		return nil, err
	}
	return text, nil
}

// parseSnapshot takes what formatSnapshot writes and nothing else. Whether the set is usable is judged by whoever uses it.
func parseSnapshot(text string) (data SnapshotData, err error) {
	o, err := compact.ParseObject(text, maxDepth+1)
	if err != nil {
		return data, fmt.Errorf("not a snapshot: %w", err)
	}
	version, _ := o.Get("version")
	if n, ok := version.Number(); !ok || n != snapshotVersion {
		return data, fmt.Errorf("not a snapshot of version %d, the one that this release reads", snapshotVersion)
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
	set, _ := o.Get("set")
	if set.Kind() != compact.KindObject || o.Len() != len(texts)+2 {
		return data, errors.New("not a snapshot: its members are other ones")
	}
	at, err := time.Parse(time.RFC3339Nano, texts["fetched_at"])
	if err != nil || at.IsZero() {
		return data, errors.New("not a snapshot: fetched_at is no time")
	}
	return SnapshotData{
		Issuer: texts["issuer"], URL: texts["url"], Body: []byte(set.Raw()), ETag: texts["etag"], FetchedAt: at.UTC(),
	}, nil
}
