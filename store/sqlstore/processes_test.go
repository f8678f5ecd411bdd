package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// A child process of these tests is this program again, running TestProcess. The variables say what it does.
const (
	partVariable     = "BEARERKIT_TEST_PART"
	dialectVariable  = "BEARERKIT_TEST_DIALECT"
	dsnVariable      = "BEARERKIT_TEST_DSN"
	endpointVariable = "BEARERKIT_TEST_ENDPOINT"
	issuer           = "https://login.example.com"
)

// TestProcess is what a child process runs. It does nothing in the process of the tests.
func TestProcess(t *testing.T) { //nolint:paralleltest // it is the only test of its process
	number, _ := strconv.Atoi(os.Getenv(dialectVariable))
	if number == 0 {
		return // other tests run it in processes of their own
	}
	if os.Getenv(partVariable) == "import" {
		importInChild(t)
		return
	}
	tokens := connect(t, sqlstore.Dialect(number), os.Getenv(dsnVariable)).Tokens(keyring(t, "1"))
	tokens.SetLease(testLease)
	switch os.Getenv(partVariable) {
	case "refresh":
		refreshOnce(t, tokens, os.Getenv(endpointVariable))
	case "hold":
		if _, err := tokens.Lock(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		select {} // until it is killed
	}
}

const testLease = 400 * time.Millisecond

// refreshOnce gets a token, which must be the first new one of the server.
func refreshOnce(t *testing.T, store client.TokenStore, endpoint string) {
	t.Helper()
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: "app", Metadata: &oidcdiscovery.Metadata{Issuer: issuer, TokenEndpoint: endpoint},
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := c.TokenSource(client.TokenSourceConfig{Store: store, Key: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "access 1" {
		t.Errorf("TokenContext: %v, %v, want the token of the first refresh", token, err)
	}
}

// start starts a child process.
func start(t *testing.T, part string, dialect sqlstore.Dialect, dsn, endpoint string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), partVariable+"="+part, dialectVariable+"="+strconv.Itoa(int(dialect)), dsnVariable+"="+dsn,
		endpointVariable+"="+endpoint)
	return cmd
}

// rotating is a token endpoint that accepts each refresh token once.
type rotating struct {
	mu       sync.Mutex // guards the fields below
	requests int
	reused   bool
}

func (r *rotating) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock() // a request with a used token waits, and is rejected
	defer r.mu.Unlock()
	if req.FormValue("refresh_token") != fmt.Sprint("refresh ", r.requests) {
		r.reused = true
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	r.requests++
	time.Sleep(50 * time.Millisecond) // the other processes find the expired token meanwhile
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"access %d","refresh_token":"refresh %[1]d","token_type":"Bearer","expires_in":3600}`, r.requests)
}

// expired stores a token that must be refreshed.
func expired(t *testing.T, tokens *sqlstore.Tokens) {
	t.Helper()
	token := &client.Token{
		AccessToken: "access 0", RefreshToken: "refresh 0", TokenType: "Bearer", Expiry: time.Now().Add(-time.Minute), Issuer: issuer, ClientID: "app",
	}
	if err := tokens.Save(t.Context(), "alice", token); err != nil {
		t.Fatal(err)
	}
}

// Processes that find the same expired token refresh it once. A refresh token that is sent twice would end the grant.
func TestTokens_ProcessesRefreshOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, dsn := newStoreAt(t, dialect)
		tokens := s.Tokens(keyring(t, "1"))
		expired(t, tokens)
		endpoint := new(rotating)
		served := httptest.NewServer(endpoint)
		defer served.Close()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if out, err := start(t, "refresh", dialect, dsn, served.URL).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		all.Wait()
		if endpoint.reused || endpoint.requests != 1 {
			t.Errorf("%d refreshes, reused: %v, want one refresh", endpoint.requests, endpoint.reused)
		}
		if token, err := tokens.Load(t.Context(), "alice"); err != nil || token.RefreshToken != "refresh 1" {
			t.Errorf("stored: %v, %v, want the new token", token, err)
		}
	})
}

// The lock of a process that was killed becomes free, and the next process refreshes. Until then the lock is held.
func TestTokens_KilledHolder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, dsn := newStoreAt(t, dialect)
		tokens := s.Tokens(keyring(t, "1"))
		tokens.SetLease(testLease)
		expired(t, tokens)
		holder := start(t, "hold", dialect, dsn, "")
		out, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
			t.Fatalf("the child process: %q, %v", line, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*testLease) // the holder renews the lock
		defer cancel()
		if _, err := tokens.Lock(ctx, "alice"); err == nil {
			t.Fatal("another process got the lock while its holder was alive")
		}
		if err := holder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = holder.Wait() // it was killed
		endpoint := new(rotating)
		served := httptest.NewServer(endpoint)
		defer served.Close()
		refreshOnce(t, tokens, served.URL)
		if endpoint.reused || endpoint.requests != 1 {
			t.Errorf("%d refreshes, reused: %v, want one refresh", endpoint.requests, endpoint.reused)
		}
		unlock, err := tokens.Lock(t.Context(), "alice") // the row of the killed process is gone
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	})
}
