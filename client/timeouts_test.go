package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// A server that stops reading the request ends it after the time limit, which starts with the request.
func TestCaseX18_StalledUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stalls := roundTrip(func(r *http.Request) (*http.Response, error) {
			_, _ = io.CopyN(io.Discard, r.Body, 10)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := newClient(t, nil, func(cfg *client.Config) { cfg.HTTPClient, cfg.Timeout = &http.Client{Transport: stalls}, 7*time.Second })
		start := time.Now()
		if _, err := c.ClientCredentials(t.Context()); !errors.Is(err, client.ErrUnavailable) {
			t.Error(err)
		}
		if took := time.Since(start); took != 7*time.Second { // in the time of the bubble
			t.Errorf("the request ended after %v", took)
		}
	})
}

// stalled is a body of a response that never ends.
type stalled struct{ closed chan struct{} }

func (s stalled) Read([]byte) (int, error) { <-s.closed; return 0, io.ErrClosedPipe }

func (s stalled) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

// A 401 whose body never ends does not keep the request from being sent again.
func TestCaseX18_StalledBodyOfARejection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, _ := tokens(t)
		api := transportOf(t, source, roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") == "Bearer at1" {
				return written(200, "", nil).Result(), nil
			}
			resp := written(401, "", map[string]string{"WWW-Authenticate": invalidToken}).Result()
			resp.Body = stalled{make(chan struct{})}
			return resp, nil
		}), "https://api.test")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan int, 1)
		go func() {
			resp, err := api.RoundTrip(r)
			if err != nil {
				t.Error(err)
				done <- 0
				return
			}
			_ = resp.Body.Close()
			done <- resp.StatusCode
		}()
		select {
		case status := <-done:
			if status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		case <-ctx.Done():
			t.Fatal("the request waits for the body of the 401")
		}
	})
}

// A logout request whose body never arrives is rejected after Config.Timeout, although the server has no time limit. One
// that arrives is handled even if ending the sessions takes longer.
func TestCaseX18_StalledLogoutRequest(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) { cfg.Timeout = 100 * time.Millisecond })
	slow := func(ctx context.Context, _ *client.LogoutToken) error {
		select {
		case <-time.After(300 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	server := httptest.NewServer(c.BackchannelLogout(slow))
	t.Cleanup(server.Close)

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprint(connection, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nlogout_token=")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(connection), nil) // the test times out without the limit
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Error(resp.Status)
	}

	form := strings.NewReader(url.Values{"logout_token": {p.logoutToken(nil)}}.Encode())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, form)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	whole, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = whole.Body.Close()
	if whole.StatusCode != http.StatusOK {
		t.Error(whole.Status)
	}
}
