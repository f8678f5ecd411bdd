package loopback_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// Requests and connections of other pages and programs neither end the sign-in nor block it, however many there are.
func TestC32_AFloodChangesNothing(t *testing.T) {
	t.Parallel()
	c, s := newClient(t)
	var b browser
	var idle []net.Conn
	token, err := loopback.SignIn(t.Context(), c, loopback.Options{Out: io.Discard, Open: func(ctx context.Context, address string) error {
		b = open(t, address)
		for range 40 { // they send nothing
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.redirect.Host)
			if err != nil {
				return err
			}
			idle = append(idle, conn)
		}
		go func() {
			for range 200 {
				b.send(t, func(r *http.Request) { r.URL.RawQuery = "state=x&code=y" })
			}
			b.send(t, func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 1<<20)) })
			b.send(t, nil)
		}()
		return nil
	}})
	for _, conn := range idle {
		_ = conn.Close()
	}
	if err != nil || token.AccessToken != "at" || len(s.forms) != 1 {
		t.Fatal(token, err, len(s.forms))
	}
}

// A response with a wrong signature does not make the client fetch anything.
func TestC32_SignedResponsesOfStrangers(t *testing.T) {
	t.Parallel()
	c, s := newClient(t)
	status := make(chan int, 3)
	_, err := loopback.SignIn(t.Context(), c, loopback.Options{
		Out: io.Discard, Timeout: time.Second, Authorization: client.AuthorizationOptions{ResponseMode: "jwt"},
		Open: func(_ context.Context, address string) error {
			b := open(t, address)
			payload := base64.RawURLEncoding.EncodeToString([]byte(`{"state":"x","code":"y"}`))
			for _, response := range []string{"", "x", "e30." + payload + ".AA"} {
				got, _, _ := b.send(t, func(r *http.Request) {
					r.URL.RawQuery = url.Values{"response": {response}, "state": {b.state}}.Encode()
				})
				status <- got
			}
			return nil
		},
	})
	for range cap(status) {
		if got := <-status; got != 400 {
			t.Error(got)
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrCallback) || len(s.forms) != 0 {
		t.Error(err, len(s.forms))
	}
}

// A response with the state that is rejected does not end the sign-in. After the timeout, the error contains the reason.
func TestC32_TimeoutErrorContainsTheCause(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	_, err := loopback.SignIn(t.Context(), c, loopback.Options{Out: io.Discard, Timeout: time.Second, Open: func(_ context.Context, address string) error {
		b := open(t, address)
		b.send(t, func(r *http.Request) { r.URL.RawQuery += "&iss=https://evil.test" })
		return nil
	}})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, client.ErrCallback) {
		t.Error(err)
	}
}

// slow responds to the token request when answer is closed.
type slow struct {
	server

	asked, answer chan struct{}
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	close(s.asked)
	<-s.answer
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return s.server.RoundTrip(r)
}

// A code that arrives before the timeout is exchanged after it. A response that is sent again receives the same page.
func TestC32_ResponseInTimeIsNotLost(t *testing.T) {
	t.Parallel()
	s := &slow{asked: make(chan struct{}), answer: make(chan struct{})}
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: "cli", HTTPClient: &http.Client{Transport: s},
		Metadata: &oidcdiscovery.Metadata{Issuer: issuer, AuthorizationEndpoint: issuer + "/auth", TokenEndpoint: issuer + "/token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	pages := make(chan string, 2)
	token, err := loopback.SignIn(t.Context(), c, loopback.Options{Out: io.Discard, Timeout: time.Second, Open: func(ctx context.Context, address string) error {
		b := open(t, address)
		for range cap(pages) {
			go func() { _, _, page := b.send(t, nil); pages <- page }()
		}
		<-s.asked
		<-ctx.Done()
		close(s.answer)
		return nil
	}})
	if err != nil || token.AccessToken != "at" || len(s.forms) != 1 {
		t.Fatal(token, err, len(s.forms))
	}
	for range cap(pages) {
		if page := <-pages; !strings.Contains(page, "You are signed in") {
			t.Error(page)
		}
	}
}

// The end of ctx ends the sign-in at once.
func TestC32_ContextEnds(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	var b browser
	_, err := loopback.SignIn(ctx, c, loopback.Options{Out: io.Discard, Open: func(_ context.Context, address string) error {
		b = open(t, address)
		cancel()
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if status, _, _ := b.send(t, nil); status != 0 {
		t.Error("the port is still open")
	}
}

// With localhost, a port is not used if another program listens on it at one of the two addresses.
func TestC32_ListensOnBothLoopbackAddresses(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 on this machine")
	}
	defer func() { _ = taken.Close() }()
	port := taken.Addr().(*net.TCPAddr).Port
	c, _ := newClient(t)
	_, err = loopback.SignIn(t.Context(), c, loopback.Options{
		Host: "localhost", Port: port, Out: io.Discard, Timeout: time.Second,
		Open: func(context.Context, string) error {
			t.Error("a port was used that another program has too")
			return nil
		},
	})
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// deviceServer responds to every request with body.
type deviceServer string

func (body deviceServer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	_, _ = io.WriteString(w, string(body))
	response := w.Result()
	response.Request = r
	return response, nil
}

// What the server sends is printed escaped, or rejected.
func TestC22_C32_DeviceEscapesServerText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		uri, code, complete string
		refused             bool
		want                string
	}{
		"bell and title":                        {uri: "https://login.test/d", code: `A\u0007\u009b2J\u001b]0;x`, refused: true},
		"right to left":                         {uri: "https://login.test/\u202ed", code: "AB", want: `https://login.test/%E2%80%AEd`},
		"control in a path":                     {uri: "https://login.test/\u009bd", code: "AB", want: `https://login.test/%C2%9Bd`},
		"a line of its own":                     {uri: "https://login.test/d", code: `A\nB`, refused: true},
		"a long code":                           {uri: "https://login.test/d", code: strings.Repeat("A", 100), refused: true},
		"a long address":                        {uri: "https://login.test/" + strings.Repeat("d", 5000), code: "A", refused: true},
		"a QR code of nothing less than a book": {uri: "https://login.test/d", code: "AB", complete: "https://login.test/" + strings.Repeat("d", 5000), want: "AB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := client.New(client.Config{
				Issuer: issuer, ClientID: "cli", Metadata: &oidcdiscovery.Metadata{
					Issuer: issuer, TokenEndpoint: issuer + "/token", DeviceAuthorizationEndpoint: issuer + "/device",
				},
				HTTPClient: &http.Client{Transport: deviceServer(`{"device_code":"dc","user_code":"` + test.code + `","expires_in":1,"interval":1,
					"verification_uri":"` + test.uri + `","verification_uri_complete":"` + test.complete + `","access_token":"at","token_type":"Bearer"}`)},
			})
			if err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			_, err = loopback.Device(t.Context(), c, loopback.DeviceOptions{Out: &said, QR: loopback.QRAlways})
			if refused := errors.Is(err, client.ErrBadResponse); refused != test.refused {
				t.Error(err)
			}
			text := said.String()
			if test.refused != (text == "") || !strings.Contains(text, test.want) || strings.ContainsAny(text, "\a\x1b\u009b\u202e") || strings.Count(text, "\n") > 60 {
				t.Errorf("%q", text)
			}
		})
	}
}

// An output that is not a terminal receives no QR code and no escape sequence.
func TestC32_FilesGetPlainText(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := loopback.Device(t.Context(), c, loopback.DeviceOptions{Out: file}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file.Name())
	if err != nil || strings.ContainsAny(string(text), "\x1b█▀▄") || !strings.Contains(string(text), "https://login.test/d\n") {
		t.Errorf("%q, %v", text, err)
	}
}
