package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// engine is a server that this program has started, with its data in a temporary directory. It is reachable through a Unix
// domain socket that only the current user can open.
type engine struct {
	url string

	dir     string
	command []string
	ready   func(ctx context.Context) error
	running *exec.Cmd // nil: stopped
}

// startRedis starts a Redis server with the settings that redisstore needs.
func startRedis(ctx context.Context) (*engine, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is missing: install it (Debian: apt-get install redis-server; "+
			"macOS: brew install redis), or pass the URL of a running Redis with -redis: %w", err)
	}
	dir, err := os.MkdirTemp("", "bearerkit-") // with the mode 0700
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "redis.sock")
	e := &engine{
		url: "unix://" + socket, dir: dir,
		ready: func(ctx context.Context) error { return ping(ctx, socket) },
		command: []string{
			program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", dir,
			"--maxmemory-policy", "noeviction", // otherwise denied tokens could become valid
			"--appendonly", "yes", "--appendfsync", "always", "--save", "", // a deny list must survive a crash
		},
	}
	if err := e.start(ctx); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return e, nil
}

// ping returns nil if the Redis server at socket accepts commands.
func ping(ctx context.Context, socket string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = errors.New(strings.TrimSpace(line)) // it is loading its data
	}
	return err
}

// start starts the server, and waits until it accepts commands.
func (e *engine) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	e.running = exec.CommandContext(context.WithoutCancel(ctx), e.command[0], e.command[1:]...) //nolint:gosec // a server that was found
	e.running.Stdout, e.running.Stderr = log, log
	if err := e.running.Start(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		err := e.ready(limited)
		if err == nil {
			return nil
		}
		select {
		case <-limited.Done():
			text, _ := os.ReadFile(log.Name())
			e.stop()
			return fmt.Errorf("%s does not start: %w\n%s", filepath.Base(e.command[0]), err, text)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends the server at once, as a crash does.
func (e *engine) stop() {
	if e.running == nil {
		return
	}
	_ = e.running.Process.Kill()
	_ = e.running.Wait() // the error is that it was killed
	e.running = nil
}

// close stops the server and deletes its data. It sends an interrupt first, because PostgreSQL then removes its shared memory.
func (e *engine) close() error {
	if e.running != nil && e.running.Process.Signal(os.Interrupt) == nil {
		killed := time.AfterFunc(10*time.Second, func() { _ = e.running.Process.Kill() })
		_ = e.running.Wait()
		killed.Stop()
		e.running = nil
	}
	e.stop()
	return os.RemoveAll(e.dir)
}
