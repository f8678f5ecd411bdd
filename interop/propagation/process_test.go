package propagation_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

const (
	issuerURL = "https://issuer.test"
	audience  = "https://api.test"
	variable  = "BEARERKIT_PROPAGATION"
)

// job is what a process of the API needs.
type job struct {
	Backend backend
	Address string
	Keys    []byte
}

// TestMain lets the tests start this program as a process of the API.
func TestMain(m *testing.M) {
	if text := os.Getenv(variable); text != "" {
		if err := serve(text); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve runs a process of the API until its standard input ends. It prints its address.
func serve(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	shared, err := j.Backend.open(ctx, j.Address)
	if err != nil {
		return err
	}
	defer shared.close()
	keys, err := jwks.ParseJWKS(j.Keys)
	if err != nil {
		return err
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuerURL, Audience: []string{audience}, Keys: keys, CacheSize: 20_000,
		Status: store.DenyList{Storage: shared.storage}, StatusTTL: time.Hour, // only Watch ends the use of a cached result
	})
	if err != nil {
		return err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})),
		ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = shared.watch(ctx, verifier) }()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Printf("http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// process is a running process of the API.
type process struct {
	url    string
	client *http.Client
}

// startProcess starts a process that ends with the test.
func startProcess(t *testing.T, j job) *process {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), variable+"="+string(text))
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := command.Wait(); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the process does not start: %v", err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &process{url: strings.TrimSpace(line), client: &http.Client{Transport: transport, Timeout: time.Minute}}
}

// send sends a token, and returns the status of the response.
func (p *process) send(ctx context.Context, token string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Body.Close()
}
