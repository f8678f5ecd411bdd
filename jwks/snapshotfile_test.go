package jwks_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/jwks"
)

// aSnapshot is one that a file can hold.
func aSnapshot() jwks.SnapshotData {
	return jwks.SnapshotData{
		Issuer: "https://issuer.example", URL: issuerURL, ETag: `W/"<1>"`, Body: []byte(keySet(public("1", p256()))),
		FetchedAt: time.Date(2026, 11, 24, 10, 0, 0, 123456789, time.UTC),
	}
}

// snapshotFile returns the path of a file with the given text. If text is empty, the file does not exist.
func snapshotFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if text == "" {
		return path
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// saved returns the path and the text of a file that holds aSnapshot.
func saved(t testing.TB) (path, text string) {
	t.Helper()
	path = snapshotFile(t, "")
	if err := jwks.SnapshotFile(path).Save(t.Context(), aSnapshot()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(data)
}

func TestSnapshotFile_LoadsWhatWasSaved(t *testing.T) {
	t.Parallel()
	path := snapshotFile(t, "")
	s := jwks.SnapshotFile(path)
	if got, err := s.Load(t.Context()); err != nil || !got.FetchedAt.IsZero() {
		t.Errorf("Load without a file = %+v, %v", got, err)
	}
	want := aSnapshot()
	for _, etag := range []string{"", want.ETag} {
		want.ETag = etag
		if err := s.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := jwks.SnapshotFile(path).Load(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Load: %v (-saved +loaded):\n%s", err, diff)
		}
	}
	wantAlone(t, path)
}

// wantAlone wants nothing left beside the file.
func wantAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestSnapshotFile_RejectsIncompleteSnapshots(t *testing.T) {
	t.Parallel()
	_, good := saved(t)
	tests := map[string]string{
		"HTML":              "<html>",
		"an array":          "[" + good + "]",
		"twice":             good + good,
		"a later version":   strings.Replace(good, `"version":1`, `"version":2`, 1),
		"no version":        strings.Replace(good, `"version":1,`, ``, 1),
		"version as text":   strings.Replace(good, `"version":1`, `"version":"1"`, 1),
		"no issuer":         strings.Replace(good, `"issuer":"https://issuer.example",`, ``, 1),
		"no URL":            strings.Replace(good, `"url":"`+issuerURL+`",`, ``, 1),
		"URL null":          strings.Replace(good, `"url":"`+issuerURL+`"`, `"url":null`, 1),
		"another member":    strings.Replace(good, `{`, `{"kid":"1",`, 1),
		"another spelling":  strings.Replace(good, `"issuer"`, `"Issuer"`, 1),
		"issuer twice":      strings.Replace(good, `{`, `{"issuer":"https://other.example",`, 1),
		"set as text":       strings.Replace(good, `"set":{`, `"set":"","rest":{`, 1),
		"no set":            strings.Replace(good, `"set":{`, `"rest":{`, 1),
		"no time":           strings.Replace(good, `"2026-11-24T10:00:00.123456789Z"`, `"yesterday"`, 1),
		"time as number":    strings.Replace(good, `"2026-11-24T10:00:00.123456789Z"`, `1795514400`, 1),
		"the zero time":     strings.Replace(good, `"2026-11-24T10:00:00.123456789Z"`, `"0001-01-01T00:00:00Z"`, 1),
		"set with a double": strings.Replace(good, `"kid":"1"`, `"kid":"1","kid":"2"`, 1),
		"too long":          good + strings.Repeat(" ", 1<<20),
		"nested too deep":   strings.Replace(good, `"set":{`, `"set":{"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`,`, 1),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text == good {
				t.Fatal("the test changes nothing")
			}
			path := snapshotFile(t, text)
			got, err := jwks.SnapshotFile(path).Load(t.Context())
			if err == nil || !strings.Contains(err.Error(), path) || !cmp.Equal(got, jwks.SnapshotData{}) {
				t.Errorf("Load = %+v, %v; want an error that names the file", got, err)
			}
		})
	}
}

// A file that ends early, at any place, is rejected.
func TestSnapshotFile_RejectsATruncatedFile(t *testing.T) {
	t.Parallel()
	path, good := saved(t)
	for length := range len(good) - 1 { // the last byte ends the line
		if err := os.WriteFile(path, []byte(good[:length]), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := jwks.SnapshotFile(path).Load(t.Context()); err == nil {
			t.Fatalf("the first %d of %d bytes were loaded as %+v", length, len(good), got)
		}
	}
}

func TestSnapshotFile_SavesOnlyWhatItLoads(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*jwks.SnapshotData){
		"no time":    func(d *jwks.SnapshotData) { d.FetchedAt = time.Time{} },
		"far future": func(d *jwks.SnapshotData) { d.FetchedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no set":     func(d *jwks.SnapshotData) { d.Body = nil },
		"no JSON":    func(d *jwks.SnapshotData) { d.Body = []byte("<html>") },
		"more JSON":  func(d *jwks.SnapshotData) { d.Body = []byte(`{"keys":[]},"issuer":"https://other.example"`) },
		"too long":   func(d *jwks.SnapshotData) { d.Body = []byte(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, good := saved(t)
			data := aSnapshot()
			spoil(&data)
			if err := jwks.SnapshotFile(path).Save(t.Context(), data); err == nil {
				t.Error("saved")
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != good {
				t.Errorf("the file holds %q, %v", now, err)
			}
			wantAlone(t, path)
		})
	}
}

func TestSnapshotFile_FailuresLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none", "keys.json")
	if err := jwks.SnapshotFile(missing).Save(t.Context(), aSnapshot()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the folder: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(missing)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "keys.json")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := jwks.SnapshotFile(folder)
	if err := s.Save(t.Context(), aSnapshot()); err == nil {
		t.Error("a folder was replaced")
	}
	if got, err := s.Load(t.Context()); err == nil {
		t.Errorf("Load of a folder = %+v", got)
	}
	wantAlone(t, folder)

	path, _ := saved(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := jwks.SnapshotFile(path).Save(ctx, aSnapshot()); !errors.Is(err, context.Canceled) {
		t.Errorf("Save with a context that has ended: %v", err)
	}
	if _, err := jwks.SnapshotFile(path).Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Load with a context that has ended: %v", err)
	}
}

// A Load that runs during several Saves returns the snapshot of one of them.
func TestSnapshotFile_ConcurrentUse(t *testing.T) {
	t.Parallel()
	path, _ := saved(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if err := jwks.SnapshotFile(path).Save(t.Context(), aSnapshot()); err != nil {
					t.Errorf("Save: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				if got, err := jwks.SnapshotFile(path).Load(t.Context()); err != nil || !cmp.Equal(got, aSnapshot()) {
					t.Errorf("Load = %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	wantAlone(t, path)
}

// outages are the ways in which an issuer can be down.
var outages = map[string]func(*issuer){
	"refuses":  func(i *issuer) { i.isDown() },
	"hangs":    func(i *issuer) { i.isDown(); i.slow(time.Hour) },
	"says 500": func(i *issuer) { i.says(500, "") },
	"says 503": func(i *issuer) { i.says(503, "", "Retry-After", "30") },
}

func TestK19_RestartFromAFileDuringAnOutage(t *testing.T) {
	t.Parallel()
	for name, breaks := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := snapshotFile(t, "")
			synctest.Test(t, func(t *testing.T) {
				var i issuer
				i.serves(public("1", rsaKey()))
				wantKey(t, i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path)}), "1", "RS256", rsaKey())
				synctest.Wait()
				breaks(&i)
				for _, age := range []time.Duration{time.Minute, time.Hour, 22 * time.Hour} {
					pass(age)
					r := i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path)})
					began := time.Now()
					for range 3 {
						wantKey(t, r, "1", "RS256", rsaKey())
					}
					if waited := time.Since(began); waited != 0 {
						t.Errorf("waited %v for keys of %v", waited, age)
					}
					pass(10 * time.Second) // so that the fetch ends
				}
				pass(time.Hour)
				r := i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path)})
				wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
				pass(10 * time.Second)
			})
		})
	}
}

// A lookup waits for a key that was published after the snapshot was taken. Lookups of older keys do not wait.
func TestK5_K19_KeyThatIsNewerThanTheSnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		pass(time.Hour)
		var i issuer
		i.serves(public("2", otherRSA()))
		i.slow(400 * time.Millisecond)
		r := i.remote(t, jwks.Config{Snapshot: m})
		wantKey(t, r, "1", "RS256", rsaKey())
		wantKey(t, r, "2", "RS256", otherRSA())
		wantNoKey(t, r, "1", "RS256", jwks.ErrKeyNotFound)
		pass(10 * time.Second)
	})
}

// While an old set can be used, an issuer that hangs delays requests by half a second, once per back-off.
func TestK3_HangingIssuerTakesHalfASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "1", "RS256", rsaKey())
		i.slow(time.Hour)
		pass(time.Hour)
		for _, want := range []time.Duration{500 * time.Millisecond, 0, 0} {
			began := time.Now()
			wantKey(t, r, "1", "RS256", rsaKey())
			if waited := time.Since(began); waited != want {
				t.Errorf("waited %v, want %v", waited, want)
			}
		}
		pass(10 * time.Second)
	})
}

func TestK19_TooOldFileIsReported(t *testing.T) {
	t.Parallel()
	path := snapshotFile(t, "")
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		wantKey(t, i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path)}), "1", "RS256", rsaKey())
		pass(25 * time.Hour)
		i.isDown()
		var seen refreshes
		r := i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path), OnRefresh: seen.hook})
		wantNoKey(t, r, "1", "RS256", jwks.ErrUnavailable)
		seen.last(t)
		if first := seen.all[0]; first.Cause != "restored" || first.Err == nil || !strings.Contains(first.Err.Error(), "25h") || first.Keys != 0 {
			t.Errorf("reported %+v", first)
		}
	})
}

func TestRestore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := snapshotOf(t, public("1", rsaKey()))
		pass(time.Hour)
		var seen refreshes
		r, err := jwks.Restore(t.Context(), jwks.Config{Snapshot: m, OnRefresh: seen.hook})
		if err != nil {
			t.Fatal(err)
		}
		if s := r.Stats(); r.URL() != issuerURL || s.Keys != 1 || s.Age != time.Hour || m.loads != 2 {
			t.Errorf("restored %+v from %s in %d loads", s, r.URL(), m.loads)
		}
		if got := seen.last(t); got.Cause != "restored" || got.Keys != 1 || got.URL != issuerURL {
			t.Errorf("reported %+v", got)
		}
	})
}

func TestRestore_Rejects(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(m *memory)
		none  bool // rather than bad
	}{
		"nothing":     {func(m *memory) { m.data = jwks.SnapshotData{} }, true},
		"too old":     {func(m *memory) { m.data.FetchedAt = time.Now().Add(-24 * time.Hour) }, false},
		"no URL":      {func(m *memory) { m.data.URL = "" }, false},
		"http":        {func(m *memory) { m.data.URL = "http://issuer.example/keys" }, false},
		"no set":      {func(m *memory) { m.data.Body = nil }, false},
		"cannot load": {func(m *memory) { m.loadErr = errors.New("disk on fire") }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := snapshotOf(t, public("1", rsaKey()))
				tt.spoil(m)
				var seen refreshes
				r, err := jwks.Restore(t.Context(), jwks.Config{Snapshot: m, OnRefresh: seen.hook})
				if r != nil || err == nil || errors.Is(err, fs.ErrNotExist) != tt.none || len(seen.all) != 0 {
					t.Errorf("Restore = %v, %v; reported %+v", r, err, seen.all)
				}
			})
		})
	}
	if r, err := jwks.Restore(t.Context(), jwks.Config{}); r != nil || err == nil {
		t.Errorf("without a Snapshot: %v, %v", r, err)
	}
}
