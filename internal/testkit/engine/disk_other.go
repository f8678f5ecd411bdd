//go:build !linux

package engine

import (
	"errors"
	"testing"
)

func (s *Server) mount() error { return errors.ErrUnsupported }

func (s *Server) unmount() {}

func requireMounts(t testing.TB) {
	t.Helper()
	t.Skip("a full disk can be simulated on Linux only")
}

// Fill fills the disk of a server with [Options].DiskMB.
func (s *Server) Fill(t testing.TB) { t.Fatal("Fill works on Linux only") }

// Free makes room again after Fill.
func (s *Server) Free(t testing.TB) { t.Fatal("Free works on Linux only") }
