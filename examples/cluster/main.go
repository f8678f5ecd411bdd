// Command cluster runs two processes of one API that share Redis and PostgreSQL, and shows that a token that is revoked at one
// of them stops working in both:
//
//	go run ./examples/cluster
//
// The program starts Redis and PostgreSQL in temporary directories, an authorization server on loopback, and the two processes.
// It then sends requests, prints the responses and the measured times, and fails if one of them is wrong. It stops Redis too,
// and starts it again. At the end, it stops everything.
//
// Redis has the denied tokens and the used DPoP proofs, and PostgreSQL the token with which the API calls another service. The
// program needs redis-server (Debian: apt-get install redis-server; macOS: brew install redis). Without PostgreSQL (Debian:
// apt-get install postgresql; macOS: brew install postgresql), the tour is shorter. To use servers that are running, pass their
// addresses. The program does not stop them:
//
//	docker run --rm -p 127.0.0.1:6379:6379 redis:7 redis-server --maxmemory-policy noeviction --appendonly yes --appendfsync always
//	docker run --rm -p 127.0.0.1:5432:5432 -e POSTGRES_PASSWORD=demo postgres:15
//	go run ./examples/cluster -redis redis://127.0.0.1:6379 -postgres postgres://postgres:demo@127.0.0.1:5432/postgres
//
// The tests of this example do not run the commands with docker.
//
// With the flag -serve, the program only runs the servers, prints commands to try, and ends when it is stopped. With the flag
// -v, it prints the logs of the two processes.
//
// The file api.go contains everything that such an API needs. One process of it is started with
//
//	go run ./examples/cluster api -addr 127.0.0.1:8081 -issuer http://127.0.0.1:41234 -redis redis://127.0.0.1:6379
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() {
	demo.Main(func(ctx context.Context, args []string, stdout io.Writer) error {
		if len(args) > 0 && args[0] == "api" {
			return serveAPI(ctx, args[1:], stdout)
		}
		return run(ctx, args, stdout)
	})
}

// run starts Redis, the authorization server and two processes. It then takes the tour, or serves until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(stdout)
	serve := flags.Bool("serve", false, "run only the servers, until the program is stopped")
	url := flags.String("redis", "", "`URL` of a running Redis; empty: start one")
	dsn := flags.String("postgres", "", "data source `name` of a running PostgreSQL; none: use no database; empty: start one if it is installed")
	verbose := flags.Bool("v", false, "print the logs of the processes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c := &cluster{redisURL: *url, postgresDSN: *dsn, limit: 15 * time.Second} // the longest wait takes about two seconds
	if *verbose {
		c.log = os.Stderr
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.start(ctx); err != nil {
		return err
	}
	if *serve {
		return c.serve(ctx, stdout)
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute) // a tour takes about ten seconds
	defer cancel()
	return c.tour(limited, stdout)
}

// cluster is everything that the program runs.
type cluster struct {
	redisURL    string
	postgresDSN string        // after start, it is empty if there is no database
	log         io.Writer     // of the processes; nil: discarded
	limit       time.Duration // of one wait of the tour

	redis    *engine // nil if the Redis is not ours
	postgres *engine // nil if the PostgreSQL is not ours, or is not installed
	sealKeys string
	issuer   *demo.Issuer
	a, b     *process
}

// startServers starts Redis and PostgreSQL, unless they are running.
func (c *cluster) startServers(ctx context.Context) (err error) {
	if c.redisURL == "" {
		if c.redis, err = startRedis(ctx); err != nil {
			return err
		}
		c.redisURL = c.redis.url
	}
	switch c.postgresDSN {
	case "none":
		c.postgresDSN = ""
	case "":
		if c.postgres, err = startPostgres(ctx); err != nil && !errors.Is(err, exec.ErrNotFound) {
			return err
		}
		if c.postgres != nil {
			c.postgresDSN = c.postgres.url
		}
	}
	return nil
}

// start starts the servers in the order in which they depend on each other.
func (c *cluster) start(ctx context.Context) (err error) {
	if err := c.startServers(ctx); err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never returns an error
	c.sealKeys = "demo:" + base64.StdEncoding.EncodeToString(secret)
	if c.issuer, err = demo.StartIssuer(ctx, bearertest.Client{ID: clientID, Secret: clientSecret}); err != nil {
		return err
	}
	if c.a, err = c.startProcess(ctx, "A"); err != nil {
		return err
	}
	c.b, err = c.startProcess(ctx, "B")
	return err
}

// startProcess starts one process of the API.
func (c *cluster) startProcess(ctx context.Context, name string) (*process, error) {
	return startProcess(ctx, name, c.log, c.sealKeys, "api", "-addr", "127.0.0.1:0", "-issuer", c.issuer.URL(),
		"-redis", c.redisURL, "-postgres", c.postgresDSN)
}

// close stops what start has started.
func (c *cluster) close() error {
	var faults []error
	for _, p := range []*process{c.a, c.b} {
		if p != nil {
			faults = append(faults, p.stop())
		}
	}
	if c.issuer != nil {
		c.issuer.Close()
	}
	for _, e := range []*engine{c.redis, c.postgres} {
		if e != nil {
			faults = append(faults, e.close())
		}
	}
	return errors.Join(faults...)
}

const try = `
The authorization server is %[1]s. The processes of the API are %[2]s and %[3]s.
Try these commands in another terminal:

TOKEN=$(curl -s %[1]s/token/good)
ADMIN=$(curl -s %[1]s/token/admin)

# the token is accepted by both processes: 200, 200
curl -i %[2]s/orders -H "Authorization: Bearer $TOKEN"
curl -i %[3]s/orders -H "Authorization: Bearer $TOKEN"

# deny all tokens that alice has received until now, at one process: 204
curl -i %[2]s/revoke -H "Authorization: Bearer $ADMIN" -d sub=alice

# the token is rejected by both: 401, 401
curl -i %[2]s/orders -H "Authorization: Bearer $TOKEN"
curl -i %[3]s/orders -H "Authorization: Bearer $TOKEN"

Press Ctrl-C to stop.
`

// serve prints commands to try, and waits until ctx ends.
func (c *cluster) serve(ctx context.Context, stdout io.Writer) error {
	if _, err := fmt.Fprintf(stdout, try, c.issuer.URL(), c.a.url, c.b.url); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
