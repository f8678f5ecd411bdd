//go:build unix

package jwks_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

// Opening a pipe waits for a writer, who may never come.
func TestFile_RejectsAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := jwks.File(path, ""); err == nil {
		t.Errorf("File = %v", s)
	}
}
