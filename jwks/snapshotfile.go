package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// SnapshotFile returns a [Snapshot] in the file at path, one file for each key set. The folder must be there, on a local
// disk, and belong to the process; the file is made when the first set is saved.
//
// Save puts a new file, which only its owner may read and write, into the place of the old one, so that at any time
// there is a whole one or none, also while several processes save to it. A set of more than 1 MiB is not saved.
//
// Load refuses what does not read as a whole snapshot of this format, and what somebody else may have written: on Unix
// a file that belongs to another user than root or the process's own, or that its group or others may write to. Other
// systems keep permissions where they are not looked at: there the folder is all that protects the keys.
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
	text, err := path.read()
	if errors.Is(err, fs.ErrNotExist) {
		return SnapshotData{}, nil
	}
	if err != nil {
		return SnapshotData{}, fmt.Errorf("snapshot: %w", err)
	}
	data, err := parseSnapshot(text)
	if err != nil {
		return SnapshotData{}, fmt.Errorf("snapshot %s: %w", string(path), err)
	}
	return data, nil
}

// read judges the file that it has opened, so that nobody can exchange it in between.
func (path snapshotFile) read() (string, error) {
	file, err := os.OpenFile(string(path), os.O_RDONLY|openWithoutWaiting, 0)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", string(path))
	}
	if problem := foreignHand(info); problem != "" {
		return "", fmt.Errorf("%s %s, so it is not trusted", string(path), problem)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSnapshotBytes+1))
	if len(text) > maxSnapshotBytes {
		return "", fmt.Errorf("%s has more than %d bytes", string(path), maxSnapshotBytes)
	}
	return string(text), err
}

// Save implements [Snapshot].
func (path snapshotFile) Save(ctx context.Context, data SnapshotData) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := formatSnapshot(data)
	if err == nil {
		err = path.replace(text)
	}
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// replace writes beside the file and then takes its place. The text is on the disk before: a machine that loses its
// power leaves the old file or the new one, not an empty one.
func (path snapshotFile) replace(text []byte) error {
	beside, err := os.CreateTemp(filepath.Dir(string(path)), "."+filepath.Base(string(path))+".*")
	if err != nil {
		return err
	}
	err = errors.Join(writeThrough(beside, text), beside.Close())
	if err == nil {
		err = os.Rename(beside.Name(), string(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside.Name()))
	}
	return nil
}

func writeThrough(file *os.File, text []byte) error {
	if err := file.Chmod(0o600); err != nil { // the umask may have taken even that
		return err
	}
	if _, err := file.Write(text); err != nil {
		return err
	}
	return file.Sync()
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
