//go:build unix

package jwks_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/jwks"
)

func TestSnapshotFile_RejectsFilesThatOthersMayWrite(t *testing.T) {
	t.Parallel()
	tests := map[os.FileMode]bool{0o600: true, 0o644: true, 0o400: true, 0o620: false, 0o602: false, 0o666: false}
	for mode, ok := range tests {
		path, _ := saved(t)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := jwks.SnapshotFile(path).Load(t.Context())
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), path+" is not trusted: its mode is ") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

func TestSnapshotFile_RejectsAnotherOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path, _ := saved(t)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := jwks.SnapshotFile(path).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "it belongs to user 12345") {
		t.Errorf("Load: %v", err)
	}
}

// Whatever the umask takes or leaves, and whatever the mode was before.
func TestSnapshotFile_IsReadableByItsOwnerOnly(t *testing.T) { //nolint:paralleltest // the umask is the process's
	for _, umask := range []int{0, 0o277} {
		path := snapshotFile(t, "{}")
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		before := syscall.Umask(umask)
		err := jwks.SnapshotFile(path).Save(t.Context(), aSnapshot())
		syscall.Umask(before)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || info.Mode() != 0o600 {
			t.Errorf("umask %o: saved with mode %v: %v, %v", umask, info.Mode(), err, statErr)
		}
	}
}

// Opening a pipe waits for a writer, who may never come.
func TestSnapshotFile_RejectsAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := jwks.SnapshotFile(path).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("Load = %+v, %v", got, err)
	}
}

// A file that is not trusted stops nothing but itself, and is replaced.
func TestK19_UntrustedFileIsReportedAndReplaced(t *testing.T) {
	t.Parallel()
	path, _ := saved(t)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("1", rsaKey()))
		var seen refreshes
		r := i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path), OnRefresh: seen.hook})
		wantKey(t, r, "1", "RS256", rsaKey())
		if got := seen.last(t); got.Err != nil || got.SnapshotErr != nil || len(seen.all) != 2 {
			t.Errorf("reported %+v", seen.all)
		}
		if first := seen.all[0]; first.Cause != "restored" || first.Err == nil || !strings.Contains(first.Err.Error(), path) {
			t.Errorf("reported %+v", first)
		}
		i.isDown()
		wantKey(t, i.remote(t, jwks.Config{Snapshot: jwks.SnapshotFile(path)}), "1", "RS256", rsaKey())
	})
}
