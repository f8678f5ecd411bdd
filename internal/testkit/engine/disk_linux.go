package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Disk is a small disk in memory. It ends with its test.
type Disk struct {
	Dir string // where it is mounted
}

// NewDisk mounts a disk of some MiB, whose root directory belongs to this user. It skips the test if this user may not mount
// file systems.
func NewDisk(t testing.TB, size int) *Disk {
	t.Helper()
	requireMounts(t)
	k, err := theKeeper()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := k.directory("")
	if err != nil {
		t.Fatal(err)
	}
	d := &Disk{Dir: filepath.Join(dir, "data")}
	if err := d.mount(size, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.unmount()
		_ = os.RemoveAll(dir)
	})
	return d
}

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

// requireMounts skips the test if there are no small disks.
func requireMounts(t testing.TB) {
	t.Helper()
	if !canMount() {
		t.Skip("a full disk cannot be simulated: this user may not mount a file system")
	}
}

// mount mounts the disk, whose root directory belongs to the account.
func (d *Disk) mount(size int, account string) error {
	settings := fmt.Sprintf("size=%dm,mode=0700", size)
	if account != "" {
		uid, gid, err := identity(account)
		if err != nil {
			return err
		}
		settings += fmt.Sprintf(",uid=%d,gid=%d", uid, gid)
	}
	return syscall.Mount("tmpfs", d.Dir, "tmpfs", 0, settings)
}

func (d *Disk) unmount() { _ = syscall.Unmount(d.Dir, syscall.MNT_DETACH) } // its directory cannot be removed if this fails

// Fill leaves no room on the disk.
func (d *Disk) Fill(t testing.TB) {
	t.Helper()
	file, err := os.Create(d.ballast())
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
			t.Fatalf("fill the disk: %v", err)
		}
	}
}

// Free makes room again after Fill.
func (d *Disk) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		t.Fatal(err)
	}
}

func (d *Disk) ballast() string { return filepath.Join(d.Dir, "ballast") }
