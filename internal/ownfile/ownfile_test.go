package ownfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/ownfile"
)

const maxBytes = 1 << 10

// written returns the path of a file that Replace has written.
func written(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := ownfile.Replace(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	return path
}

// reads are the two ways to read a file.
var reads = map[string]func(string, int64) ([]byte, error){
	"private": ownfile.ReadPrivate,
	"trusted": ownfile.ReadTrusted,
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := written(t)
	for _, want := range []string{"new", "", strings.Repeat("x", maxBytes)} {
		if err := ownfile.Replace(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		for name, read := range reads {
			if got, err := read(path, maxBytes); err != nil || string(got) != want {
				t.Errorf("%s: read %q, %v; want %q", name, got, err, want)
			}
		}
	}
	wantAlone(t, path)
}

// wantAlone fails the test if there is another file in the folder of path.
func wantAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder contains %v, %v; want one file", entries, err)
	}
}

func TestReplace_Fails(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing", "file")
	if err := ownfile.Replace(missing, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the folder: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := ownfile.Replace(folder, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	wantAlone(t, folder)
}

func TestReplace_IsAtomic(t *testing.T) {
	t.Parallel()
	path := written(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 20 {
				if err := ownfile.Replace(path, bytes.Repeat([]byte{byte('a' + i)}, maxBytes)); err != nil {
					t.Error(err)
				}
				got, err := ownfile.ReadPrivate(path, maxBytes)
				if err != nil || len(got) != maxBytes || bytes.Count(got, got[:1]) != maxBytes {
					t.Errorf("read a mixture of %d bytes, %v", len(got), err)
				}
			}
		})
	}
	all.Wait()
	wantAlone(t, path)
}

func TestRead_Fails(t *testing.T) {
	t.Parallel()
	path := written(t)
	for name, read := range reads {
		if _, err := read(path+"x", maxBytes); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: without a file: %v", name, err)
		}
		if got, err := read(path, 2); err == nil || got != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: more bytes than the limit: %q, %v", name, got, err)
		}
		if got, err := read(filepath.Dir(path), maxBytes); err == nil {
			t.Errorf("%s: a folder: %q", name, got)
		}
	}
}

func TestMakeFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := ownfile.MakeFolder(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := ownfile.CheckFolder(written(t)); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a file was accepted as a folder: %v", err)
	}
	if err := ownfile.CheckFolder(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	t.Parallel()
	path := written(t)
	folder := filepath.Dir(path)
	long := time.Now().Add(-2 * time.Hour)
	keep := map[string]bool{".bearerkit-old": false, ".bearerkit-new": true, ".other-old": true}
	for name := range keep {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "old") {
			if err := os.Chtimes(filepath.Join(folder, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	ownfile.RemoveLeftovers(folder)
	ownfile.RemoveLeftovers(folder + "x") // a missing folder is ignored
	for name, want := range keep {
		if _, err := os.Stat(filepath.Join(folder, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
}
