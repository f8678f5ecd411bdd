package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/seal"
	"github.com/bearerkit/bearerkit/store/redisstore"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// serveAPI runs one process of the API until ctx ends, or until its standard input is closed if that is a pipe. It prints the
// URL once requests can be sent.
func serveAPI(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	addr := flags.String("addr", "", "loopback `address`; empty: 127.0.0.1:8080, or a free port if that one is in use")
	issuer := flags.String("issuer", "", "`URL` of the authorization server")
	url := flags.String("redis", "", "`URL` of Redis")
	dsn := flags.String("postgres", "", "data source `name` of PostgreSQL; empty: none, and no route /stock")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options, err := redis.ParseURL(*url)
	if err != nil {
		return fmt.Errorf("-redis: %w", err)
	}
	options.ContextTimeoutEnabled = true // required by redisstore
	connection := redis.NewClient(options)
	defer func() { _ = connection.Close() }()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	shared, err := redisstore.New(redisstore.Config{
		Client: connection, Logger: logger,
		// Shorter than the defaults (2 s and 30 s), so that the tour does not take long.
		PollInterval: pollInterval, MaxSilence: maxSilence,
	})
	if err != nil {
		return err
	}
	if err := shared.Check(ctx); err != nil {
		return err
	}
	var tokens *client.TokenSource
	if *dsn != "" {
		db, database, err := openPostgres(*dsn)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		if tokens, err = prepareStock(ctx, *issuer, database); err != nil {
			return err
		}
	}
	a, err := newAPI(*issuer, shared, tokens, logger)
	if err != nil {
		return err
	}
	listener, err := demo.Listen(ctx, *addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel() // without watch, revoked tokens would be accepted for StatusTTL
		_ = a.watch(ctx)
	}()
	go endWithInput(cancel)
	if _, err := fmt.Fprintf(stdout, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	return demo.Serve(ctx, listener, a)
}

// keysVariable has the keys that seal stored tokens. All processes have the same ones.
const keysVariable = "CLUSTER_SEAL_KEYS"

// prepareStock creates the tables, and returns the tokens of newStockTokens.
func prepareStock(ctx context.Context, issuer string, database *sqlstore.Store) (*client.TokenSource, error) {
	if err := database.Migrate(ctx); err != nil {
		return nil, err
	}
	if err := database.Check(ctx); err != nil {
		return nil, err
	}
	keys, err := seal.KeysFromEnv(keysVariable)
	if err != nil {
		return nil, err
	}
	ring, err := seal.New(seal.Config{Keys: keys})
	if err != nil {
		return nil, err
	}
	return newStockTokens(issuer, database, ring)
}

const (
	pollInterval = 500 * time.Millisecond
	maxSilence   = 3 * time.Second
)

// endWithInput calls cancel when the standard input ends, so that a process does not outlive the program that has started it.
func endWithInput(cancel func()) {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return // it was started in a terminal, or as a service
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
}

// process is a running process of the API.
type process struct {
	name, url string

	command *exec.Cmd
	stdin   io.Closer
}

// startProcess starts this program with args and with sealKeys in its environment, and waits for the URL that it prints. log
// receives its log; nil discards it.
func startProcess(ctx context.Context, name string, log io.Writer, sealKeys string, args ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // this program
	command.Env = append(os.Environ(), keysVariable+"="+sealKeys)
	p := &process{name: name, command: command}
	var faults strings.Builder
	p.command.Stderr = &faults
	if log != nil {
		p.command.Stderr = log
	}
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = p.stdin.Close()
		_ = p.command.Wait()
		return nil, fmt.Errorf("process %s does not start: %s", name, strings.TrimSpace(faults.String()))
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

// stop ends the process after its requests.
func (p *process) stop() error {
	_ = p.stdin.Close()
	return p.command.Wait()
}

// kill ends the process at once, as a crash does.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait() // the error is that it was killed
}
