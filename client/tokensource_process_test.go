package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// A child process of these tests is this program again, running one test. The variables say what it does.
const (
	processVariable = "BEARERKIT_TEST_PROCESS" // the name of its part
	placeVariable   = "BEARERKIT_TEST_ENDPOINT"
	folderVariable  = "BEARERKIT_TEST_FOLDER"
)

func TestProcess(t *testing.T) {
	parts := map[string]func(*testing.T, *client.TokenSource){"wait": waitForToken, "refresh": refreshOften, "die": waitForToken, "resources": useResources}
	part := os.Getenv(processVariable)
	t.Parallel()
	if parts[part] == nil {
		return // it is called for by other tests
	}
	files, err := client.NewFileTokens(os.Getenv(folderVariable))
	if err != nil {
		t.Fatal(err)
	}
	var store client.TokenStore = files
	if part == "die" {
		store = dying{files}
	}
	parts[part](t, sourceOf(t, clientAt(t, os.Getenv(placeVariable)), client.TokenSourceConfig{Store: store, Key: "k"}))
}

func clientAt(t testing.TB, endpoint string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{
		Issuer: issuerURL, ClientID: "app", Metadata: &oidcdiscovery.Metadata{Issuer: issuerURL, TokenEndpoint: endpoint},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func waitForToken(t *testing.T, source *client.TokenSource) {
	t.Helper()
	token, err := source.TokenContext(t.Context())
	if err != nil || token.AccessToken != "at1" {
		t.Error(token, err)
	}
}

func refreshOften(t *testing.T, source *client.TokenSource) {
	t.Helper()
	for range 10 {
		if _, err := source.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// dying ends the process between the response and the store.
type dying struct{ *client.FileTokens }

const diedBySelf = 7

func (dying) Save(context.Context, string, *client.Token) error {
	os.Exit(diedBySelf)
	return nil
}

func process(t *testing.T, part, endpoint, folder string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), processVariable+"="+part, placeVariable+"="+endpoint, folderVariable+"="+folder)
	return cmd
}

// running returns a rotating server on the network, and a folder with an expired token.
func running(t *testing.T, delay time.Duration) (*rotating, string, *client.FileTokens, string) {
	t.Helper()
	s := &rotating{delay: delay}
	served := httptest.NewServer(s)
	t.Cleanup(served.Close)
	store, folder := fileTokens(t)
	if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	return s, served.URL, store, folder
}

// Processes that find the same expired token refresh it once. Forced refreshes run one after the other. A refresh token
// that is sent twice would end all of them.
func TestC28_Processes(t *testing.T) {
	t.Parallel()
	for part, want := range map[string]struct{ least, most int }{"wait": {1, 1}, "refresh": {10, 30}} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			s, endpoint, store, folder := running(t, 20*time.Millisecond)
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if out, err := process(t, part, endpoint, folder).CombinedOutput(); err != nil {
						t.Errorf("%v\n%s", err, out)
					}
				})
			}
			all.Wait()
			if s.revoked || s.requests < want.least || s.requests > want.most {
				t.Errorf("revoked: %v after %d requests", s.revoked, s.requests)
			}
			if token, err := store.Load(t.Context(), "k"); err != nil || token.RefreshToken != fmt.Sprintf("rt%d", s.requests) {
				t.Error(token, err)
			}
		})
	}
}

// If a process dies between the response and the store, the user must sign in again. It leaves nothing else behind: no
// lock, no incomplete file, no endless requests.
func TestC28_ProcessDies(t *testing.T) {
	t.Parallel()
	s, endpoint, store, folder := running(t, 0)
	out, err := process(t, "die", endpoint, folder).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != diedBySelf {
		t.Fatalf("%v\n%s", err, out)
	}
	source := sourceOf(t, clientAt(t, endpoint), client.TokenSourceConfig{Store: store, Key: "k"})
	for range 5 {
		if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrInvalidGrant) {
			t.Fatal(err)
		}
	}
	if s.requests != 2 {
		t.Errorf("%d requests", s.requests)
	}
	if token, err := store.Load(t.Context(), "k"); err != nil || token.RefreshToken != "rt0" {
		t.Error(token, err)
	}
}
