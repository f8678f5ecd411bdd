// Command dpop shows what a stolen access token is worth if it is bound to a key of the client (DPoP, RFC 9449). It runs an
// authorization server, an API, a client and a thief, all on loopback. The thief has captured a request of the client, with
// the token and the proof. The program prints the responses of the API, and the line that the API logs for each rejected
// request. It fails if a response is wrong.
//
//	go run ./examples/dpop
//
// The file api.go contains everything that an API needs, and caller.go what a client needs.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func main() { demo.Main(run) }

// run starts the servers, sends the requests, and prints the responses.
func run(ctx context.Context, _ []string, stdout io.Writer) error {
	issuer, err := startIssuer(ctx)
	if err != nil {
		return err
	}
	defer issuer.stop()
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	log := new(logBuffer)
	origin := "http://" + listener.Addr().String()
	api, err := newAPI(issuer.URL(), origin, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		return err
	}
	defer demo.Start(ctx, listener, api)()
	steps, err := newSteps(issuer, origin)
	if err != nil {
		return err
	}
	wrong, err := takeAll(ctx, steps, stdout, log)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("dpop: %d responses of the API are wrong", wrong)
	}
	return err
}

// takeAll sends the requests, prints the responses and the log lines, and returns how many responses are wrong.
func takeAll(ctx context.Context, steps []step, stdout io.Writer, log *logBuffer) (wrong int, err error) {
	for _, s := range steps {
		log.take()
		got, err := s.take(ctx)
		if err != nil {
			return wrong, err
		}
		_, _ = fmt.Fprintf(stdout, "%s\n    %s\n", s.what, got)
		if _, line, ok := strings.Cut(log.take(), "reason="); ok {
			_, _ = fmt.Fprintf(stdout, "    logged: reason=%s", line)
		}
		if got != s.want {
			wrong++
			_, _ = fmt.Fprintf(stdout, "    WRONG, expected %s\n", s.want)
		}
	}
	return wrong, nil
}

// logBuffer keeps what the API logs.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements [io.Writer].
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns what was logged since the last call.
func (b *logBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// outcome is the status of a response, and the challenge that has an error code.
type outcome struct {
	status    int
	challenge string
}

func (o outcome) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", o.status, http.StatusText(o.status), o.challenge))
}

// step is one request to the API.
type step struct {
	what string
	send send
	want outcome
}

// take sends the request.
func (s step) take(ctx context.Context) (outcome, error) {
	resp, err := s.send(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got := outcome{status: resp.StatusCode}
	for _, challenge := range resp.Header.Values("WWW-Authenticate") {
		scheme, parameters, _ := strings.Cut(challenge, " ")
		if _, code, ok := strings.Cut(parameters, `error="`); ok {
			code, _, _ = strings.Cut(code, `"`)
			got.challenge = scheme + " " + code
		}
	}
	return got, nil
}
