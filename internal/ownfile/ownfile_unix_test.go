//go:build unix

package ownfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bearerkit/bearerkit/internal/ownfile"
)

func TestRead_ChecksTheMode(t *testing.T) {
	t.Parallel()
	tests := map[os.FileMode]struct{ private, trusted bool }{
		0o600: {true, true}, 0o400: {true, true}, 0o700: {true, true},
		0o640: {false, true}, 0o604: {false, true}, 0o610: {false, true}, 0o644: {false, true},
		0o620: {false, false}, 0o602: {false, false}, 0o666: {false, false},
	}
	for mode, want := range tests {
		path := written(t)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ownfile.ReadPrivate(path, maxBytes); (err == nil) != want.private {
			t.Errorf("ReadPrivate of a file with mode %v: %v", mode, err)
		}
		if _, err := ownfile.ReadTrusted(path, maxBytes); (err == nil) != want.trusted {
			t.Errorf("ReadTrusted of a file with mode %v: %v", mode, err)
		}
	}
}

func TestCheckFolder_ChecksTheMode(t *testing.T) {
	t.Parallel()
	for mode, ok := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o720: false, 0o702: false} {
		path := t.TempDir()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := ownfile.CheckFolder(path); (err == nil) != ok || !ok && !strings.Contains(err.Error(), path) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

func TestRead_ChecksTheOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	path := written(t)
	if err := errors.Join(os.Chown(path, 12345, -1), os.Chown(filepath.Dir(path), 12345, -1)); err != nil {
		t.Fatal(err)
	}
	for name, read := range reads {
		if _, err := read(path, maxBytes); err == nil || !strings.Contains(err.Error(), "it belongs to user 12345") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ownfile.CheckFolder(filepath.Dir(path)); err == nil {
		t.Error("the folder of another user was accepted")
	}
}

func TestRead_Links(t *testing.T) {
	t.Parallel()
	path := written(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if got, err := ownfile.ReadPrivate(link, maxBytes); err == nil {
		t.Errorf("ReadPrivate followed a link to %q", got)
	}
	if got, err := ownfile.ReadTrusted(link, maxBytes); err != nil || string(got) != "old" {
		t.Errorf("ReadTrusted of a link: %q, %v", got, err)
	}
	if err := ownfile.Replace(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{link: "new", path: "old"} {
		if got, err := ownfile.ReadPrivate(file, maxBytes); err != nil || string(got) != want {
			t.Errorf("%s contains %q, %v; want %q", file, got, err, want)
		}
	}
}

// Opening a named pipe waits for a writer, which may never come.
func TestRead_Pipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, read := range reads {
		if _, err := read(path, maxBytes); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The file is for its owner alone, whatever the umask is and whatever the mode was.
func TestReplace_Mode(t *testing.T) { //nolint:paralleltest // the umask is that of the process
	for _, umask := range []int{0, 0o277} {
		path := written(t)
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		before := syscall.Umask(umask)
		err := ownfile.Replace(path, nil)
		syscall.Umask(before)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || info.Mode() != 0o600 {
			t.Errorf("umask %#o: mode %v, %v, %v", umask, info.Mode(), err, statErr)
		}
	}
}
