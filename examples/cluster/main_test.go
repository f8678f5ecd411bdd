package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
	testengine "github.com/bearerkit/bearerkit/internal/testkit/engine"
)

// mainVariable makes the test program run main.
const mainVariable = "BEARERKIT_CLUSTER_MAIN"

// TestMain lets the tests start this program, also as one process of the API.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "api" || os.Getenv(mainVariable) == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// hasPostgres reports whether PostgreSQL is installed.
func hasPostgres(t *testing.T) bool {
	t.Helper()
	_, err := findPostgres("postgres")
	if err != nil && os.Getenv("BEARERKIT_REQUIRE_SERVICES") == "1" {
		t.Fatal("PostgreSQL is missing, and BEARERKIT_REQUIRE_SERVICES is set: run make services")
	}
	return err == nil
}

func TestTour(t *testing.T) {
	t.Parallel()
	testengine.Require(t, testengine.Redis)
	var stdout bytes.Buffer
	if err := run(t.Context(), nil, &stdout); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	text := stdout.String()
	if !strings.HasSuffix(text, "All responses are correct.\n") || strings.Count(text, "401 after") != 10 ||
		hasPostgres(t) != strings.Contains(text, "has received for it: 1\n") {
		t.Errorf("printed\n%s", text)
	}
}

// A Redis that the program has not started is not stopped.
func TestTour_RunningRedis(t *testing.T) {
	t.Parallel()
	testengine.Require(t, testengine.Redis)
	server, err := startRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.close() })
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-redis", server.url, "-postgres", "none"}, &stdout); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	if text := stdout.String(); strings.Contains(text, "Redis is killed") || strings.Contains(text, "GET /stock") {
		t.Errorf("printed\n%s", text)
	}
}

// The tour fails if the processes do not share their deny list.
func TestTour_NotShared(t *testing.T) {
	t.Parallel()
	testengine.Require(t, testengine.Redis)
	c, other := &cluster{postgresDSN: "none", limit: 200 * time.Millisecond}, &cluster{postgresDSN: "none"}
	t.Cleanup(func() {
		if err := errors.Join(c.close(), other.close()); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(c.start(t.Context()), other.start(t.Context())); err != nil {
		t.Fatal(err)
	}
	var err error
	_ = c.b.stop()
	if c.b, err = startProcess(t.Context(), "B", nil, "", "api", "-addr", "127.0.0.1:0", "-issuer", c.issuer.URL(), "-redis", other.redisURL); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	tour := &tour{cluster: c, out: &stdout, client: &http.Client{Timeout: 10 * time.Second}}
	tour.token(t.Context())
	if wrong := regexp.MustCompile(`B  GET /orders +200 hello alice after \d+ ms <- WRONG, want 401`); !tour.wrong || !wrong.MatchString(stdout.String()) {
		t.Errorf("printed\n%s", &stdout)
	}
}

// The processes of -serve end with the program, even if it is killed.
func TestServe(t *testing.T) {
	t.Parallel()
	testengine.Require(t, testengine.Redis)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server, err := startRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.close() })
	command := exec.CommandContext(t.Context(), program, "-serve", "-redis", server.url, "-postgres", "none")
	command.Env = append(os.Environ(), mainVariable+"=1")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 1024)
	n, err := stdout.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	urls := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindAllString(string(text[:n]), 3)
	if len(urls) != 3 {
		t.Fatalf("printed\n%s", text[:n])
	}
	if status := ready(t, urls[1]); status != http.StatusOK {
		t.Errorf("/readyz: %d", status)
	}
	_ = command.Process.Kill()
	_ = command.Wait()
	for range 1000 { // ten seconds
		if ready(t, urls[1]) == 0 && ready(t, urls[2]) == 0 {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Error("the processes are still there")
}

// ready returns the status of the readiness probe, or 0 if there is no response.
func ready(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	testengine.Require(t, testengine.Redis)
	c := &cluster{postgresDSN: "none"}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	good, admin := c.issuer.Good().Sign(), c.issuer.Admin().Sign()
	for _, test := range []struct {
		body, token string
		want        int
	}{
		{"jti=1", "", 401},
		{"jti=1", good, 403},
		{"", admin, 400},
		{"jti=", admin, 400},
		{"name=1", admin, 400},
		{"jti=1", admin, 204},
		{"client_id=other", admin, 204},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.a.url+"/revoke", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if test.token != "" {
			request.Header.Set("Authorization", "Bearer "+test.token)
		}
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%q: %d, want %d", test.body, response.StatusCode, test.want)
		}
	}
}

// Without Redis, the error says what to install.
func TestNoRedis(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program)
	command.Env = []string{"PATH=", mainVariable + "=1"}
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "apt-get install redis-server") || !strings.Contains(string(output), "-redis") {
		t.Errorf("%v, printed\n%s", err, output)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	for _, test := range []struct {
		run  func(ctx context.Context, args []string, stdout io.Writer) error
		args []string
		want string
	}{
		{run, []string{"-h"}, flag.ErrHelp.Error()},
		{run, []string{"-redis", "localhost:6379", "-postgres", "none"}, "process A does not start: -redis: "},
		{serveAPI, []string{"-redis", "redis://127.0.0.1:1", "-issuer", issuer.URL()}, "Check: "},
		{serveAPI, []string{"-unknown"}, "-unknown"},
	} {
		if err := test.run(t.Context(), test.args, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %q", test.args, err, test.want)
		}
	}
}
