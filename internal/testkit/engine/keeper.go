package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// keeper is a process that ends all servers and deletes their files as soon as the test program has ended, in whichever way.
// Its standard input is a pipe that the operating system closes then.
type keeper struct {
	base string // the directory of all servers

	mu    sync.Mutex // guards lines
	lines io.Writer
}

// The script knows which servers run: each line is "start PID" or "end PID".
const keeperScript = `
pids=
while read -r word pid; do
	kept=
	for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done
	pids=$kept
	[ "$word" = end ] || pids="$pids $pid"
done
for p in $pids; do kill -CONT "$p"; kill -QUIT "$p"; done
for p in $pids; do
	for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$p" 2>/dev/null || continue 2; sleep 0.3; done
	kill -KILL "$p"
done
for d in "$1"/*/data; do umount -l "$d" 2>/dev/null; done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

// theKeeper starts the keeper at its first call.
var theKeeper = sync.OnceValues(func() (*keeper, error) { //nolint:gochecknoglobals // one for each test program
	base, err := os.MkdirTemp("", "bearerkit-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(base, 0o711); err != nil { //nolint:gosec // the servers' users must reach their directories below it
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), "sh", "-c", keeperScript, "sh", base) //nolint:gosec // a directory that was just made
	cmd.SysProcAttr = attributes("")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &keeper{base: base, lines: stdin}, nil
})

// directory creates a directory for a server, with a directory "data", which the account owns.
func (k *keeper) directory(account string) (string, error) {
	dir, err := os.MkdirTemp(k.base, "")
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", err
	}
	for _, d := range []string{dir, data} {
		if err := give(d, account); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// tell sends a line to the script.
func (k *keeper) tell(word string, pid int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, _ = fmt.Fprintln(k.lines, word, pid) // without a keeper, the server only outlives a program that is killed
}

// process is a running program.
type process struct {
	keeper *keeper
	cmd    *exec.Cmd
	done   chan struct{} // closed when the program has ended
}

// launch starts a program whose output goes to the file "log" of its directory.
func (k *keeper) launch(dir, account string, command []string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the directory of a server
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()                                           // the program has its own descriptor
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...) //nolint:gosec // the programs of a server
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = dir, environment(dir), attributes(account), log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{keeper: k, cmd: cmd, done: make(chan struct{})}
	k.tell("start", p.pid())
	go func() {
		_ = cmd.Wait() // a server that was killed has no exit status of interest
		k.tell("end", p.pid())
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended reports whether the program has ended, and waits for that at most for the given time.
func (p *process) ended(wait time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(wait):
		return false
	}
}
