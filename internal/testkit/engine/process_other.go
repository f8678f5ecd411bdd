//go:build !unix

package engine

import (
	"errors"
	"syscall"
)

// supported says that servers cannot be started.
const supported = false

func attributes(string) *syscall.SysProcAttr { return nil }

func give(string, string) error { return nil }

func (p *process) stop() error   { return errors.ErrUnsupported }
func (p *process) kill()         {}
func (p *process) end()          {}
func (p *process) pause() error  { return errors.ErrUnsupported }
func (p *process) resume() error { return errors.ErrUnsupported }
