package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// canMount reports whether this program may mount file systems. Root may, but not in every container.
var canMount = sync.OnceValue(func() bool { //nolint:gochecknoglobals // one attempt for each test program
	dir, err := os.MkdirTemp("", "bearerkit-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(dir) }()
	if syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4096") != nil {
		return false
	}
	return syscall.Unmount(dir, syscall.MNT_DETACH) == nil
})

// mount mounts a small disk in memory on the data directory.
func (s *Server) mount() error {
	uid, gid, err := identity(s.flavor.account())
	if err != nil {
		return err
	}
	settings := fmt.Sprintf("size=%dm,mode=0700,uid=%d,gid=%d", s.options.DiskMB, uid, gid)
	return syscall.Mount("tmpfs", s.path("data"), "tmpfs", 0, settings)
}

func (s *Server) unmount() {
	if s.options.DiskMB > 0 {
		_ = syscall.Unmount(s.path("data"), syscall.MNT_DETACH) // the directory is removed next, which fails if it is still mounted
	}
}

// requireMounts skips the test if there are no small disks.
func requireMounts(t testing.TB) {
	t.Helper()
	if !canMount() {
		t.Skip("a full disk cannot be simulated: this user may not mount a file system")
	}
}

// Fill fills the disk of a server with [Options].DiskMB.
func (s *Server) Fill(t testing.TB) {
	t.Helper()
	if s.options.DiskMB == 0 {
		t.Fatal("Fill needs a server with DiskMB")
	}
	file, err := os.Create(s.ballast())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, size := range []int{1 << 20, 4096, 1} { // the last ones fill the rest
		block := make([]byte, size)
		for err = nil; err == nil; {
			_, err = file.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("fill the disk of %d MiB: %v", s.options.DiskMB, err)
		}
	}
}

// Free makes room again after Fill.
func (s *Server) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(s.ballast()); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) ballast() string { return s.path("data/ballast." + strconv.Itoa(s.options.DiskMB)) }
