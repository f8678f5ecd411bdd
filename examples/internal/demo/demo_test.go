package demo_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func TestListen(t *testing.T) {
	t.Parallel()
	first, err := demo.Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Close() })
	second, err := demo.Listen(t.Context(), "") // 127.0.0.1:8080 is taken now, if it was not before
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	for _, listener := range []net.Listener{first, second} {
		if addr, ok := listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
			t.Errorf("listens on %v", listener.Addr())
		}
	}
	if first.Addr().String() == second.Addr().String() {
		t.Errorf("both listen on %v", first.Addr())
	}
}

func TestServeLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- demo.Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			cancel() // the program is told to stop while this request runs
			_, _ = w.Write([]byte("done"))
		}))
	}()
	status, body := get(t, "http://"+listener.Addr().String())
	if status != http.StatusOK || body != "done" {
		t.Errorf("got %d %q", status, body)
	}
	if err := <-served; err != nil {
		t.Errorf("served with %v", err)
	}
}

func TestServeOnClosedListener(t *testing.T) {
	t.Parallel()
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := demo.Serve(t.Context(), listener, http.NotFoundHandler()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}

func TestIssuer(t *testing.T) {
	t.Parallel()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	for _, kind := range []string{"good", "wrong-audience", "expired", "no-scope", "admin"} {
		if status, token := get(t, issuer.URL()+"/token/"+kind); status != 200 || strings.Count(token, ".") != 2 {
			t.Errorf("%s: %d %q", kind, status, token)
		}
	}
	if status, _ := get(t, issuer.URL()+"/token/other"); status != 404 {
		t.Errorf("a token of an unknown kind: %d", status)
	}
	if status, set := get(t, issuer.URL()+"/jwks"); status != 200 || !strings.Contains(set, "es256-1") {
		t.Errorf("key set: %d %q", status, set)
	}
	if status, _ := get(t, issuer.URL()+"/rotate"); status != 404 {
		t.Errorf("GET /rotate: %d", status)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	err := demo.Run(ctx, &stdout, "127.0.0.1:0", demo.Try, func(string) (http.Handler, error) {
		cancel()
		return http.NotFoundHandler(), nil
	})
	if err != nil {
		t.Error(err)
	}
	if text := stdout.String(); !strings.Contains(text, "curl -i http://127.0.0.1:") || strings.Contains(text, "{") {
		t.Errorf("printed\n%s", text)
	}
}

func TestRunWithoutAnAPI(t *testing.T) {
	t.Parallel()
	want := errors.New("no API")
	err := demo.Run(t.Context(), new(bytes.Buffer), "127.0.0.1:0", demo.Try, func(string) (http.Handler, error) {
		return nil, want
	})
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(text.String())
}
