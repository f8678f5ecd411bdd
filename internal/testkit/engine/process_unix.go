//go:build unix

package engine

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// supported says that servers can be started.
const supported = true

// attributes of a program that runs as another account if this program runs as root. A group of its own protects it from the
// signals of a terminal. The empty account means this program's own.
func attributes(account string) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, err := identity(account); err == nil && account != "" && os.Geteuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return attributes
}

// identity returns the numbers of an account. If it does not exist, they are those of nobody.
func identity(account string) (uid, gid uint32, err error) {
	u, err := user.Lookup(account)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, err
	}
	wide, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, err
	}
	group, err := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(wide), uint32(group), err
}

// give makes the account the owner of a directory, if this program runs as root. The empty account means this program's own.
func give(dir, account string) error {
	if os.Geteuid() != 0 || account == "" {
		return nil
	}
	uid, gid, err := identity(account)
	if err != nil {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

// stop ends the server in order.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	<-p.done
	return nil
}

// kill ends the program and its children at once, and waits until the program has ended. The program is paused first, so that
// it starts no more children, and so that no other process can get the number of a child that has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGSTOP) // it may have ended already
	for _, child := range p.children() {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// end ends the program. A program with children gets the time to end them itself, so that it reaps them.
func (p *process) end() {
	if len(p.children()) > 0 {
		_ = p.resume()
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // PostgreSQL then ends without saving anything
		p.ended(5 * time.Second)
	}
	p.kill()
}

// pause stops the program and its children. Children that it has just started are found too, because it is stopped first.
func (p *process) pause() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for range 1000 { // the kernel stops the threads a moment later
		if p.stopped() {
			return nil
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // another process cannot be waited for otherwise
	}
	return errors.New("the server is not stopped after 10 s")
}

// stopped reports whether all threads of the program are stopped. Only Linux lists them; elsewhere it returns true.
func (p *process) stopped() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid())) // the pattern is correct
	for _, thread := range threads {
		text, err := os.ReadFile(thread) //nolint:gosec // a file of the kernel
		if err != nil {
			continue // the thread has ended
		}
		_, state, _ := strings.Cut(string(text), ") ") // it follows the name, which is in parentheses
		if !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

func (p *process) resume() error { return p.signal(syscall.SIGCONT) }

func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return err
	}
	for _, child := range p.children() {
		if err := syscall.Kill(child, sig); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("signal %v: %w", sig, err)
		}
	}
	return nil
}

// children returns the processes that the program has started. Only Linux lists them.
func (p *process) children() (children []int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.pid(), p.pid()))
	if err != nil {
		return nil
	}
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			children = append(children, pid)
		}
	}
	return children
}
