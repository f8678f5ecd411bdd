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
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

const (
	issuerURL = "https://issuer.test"
	audience  = "https://api.test" // of the API, and of its receiver of events
	variable  = "BEARERKIT_PROPAGATION"

	pushSecret = "Bearer 0123456789abcdef" // the Authorization of the transmitter
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
	receiver, err := newReceiver(shared.storage, keys, nil)
	if err != nil {
		return err
	}
	push, err := receiver.PushHandler(ssf.PushConfig{Authorization: []string{pushSecret}})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	mux.Handle("POST /events", push)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(receiver.Stats()) })
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
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
	kill   func() // kill -9; returns when the process has ended
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
	wait := sync.OnceValue(command.Wait)
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := wait(); command.ProcessState.ExitCode() > 0 { // it has failed, and was not killed
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the process does not start: %v", err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	kill := func() {
		_ = command.Process.Kill()
		_ = wait() // it was killed
	}
	return &process{url: strings.TrimSpace(line), client: &http.Client{Transport: transport, Timeout: time.Minute}, kill: kill}
}

// send sends a token, and returns the status of the response.
func (p *process) send(ctx context.Context, token string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return p.do(request)
}

// post sends an event, and returns the status of the response.
func (p *process) post(ctx context.Context, set string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/events", strings.NewReader(set))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", pushSecret)
	request.Header.Set("Content-Type", "application/secevent+jwt")
	return p.do(request)
}

func (p *process) do(request *http.Request) (int, error) {
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Body.Close()
}

// stats returns how many events the process has received since its start.
func (p *process) stats(t *testing.T) (stats ssf.Stats) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/stats", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&stats); err != nil {
		t.Fatal(err)
	}
	return stats
}
