//go:build !linux

package engine

import (
	"errors"
	"testing"
)

// Disk is a small disk in memory. Only Linux has one.
type Disk struct {
	Dir string // where it is mounted
}

// NewDisk skips the test.
func NewDisk(t testing.TB, _ int) *Disk {
	t.Helper()
	requireMounts(t)
	return nil
}

func requireMounts(t testing.TB) {
	t.Helper()
	t.Skip("a full disk can be simulated on Linux only")
}

func (*Disk) mount(int, string) error { return errors.ErrUnsupported }

func (*Disk) unmount() {}

// Fill fails the test.
func (*Disk) Fill(t testing.TB) { t.Fatal("Fill works on Linux only") }

// Free fails the test.
func (*Disk) Free(t testing.TB) { t.Fatal("Free works on Linux only") }
