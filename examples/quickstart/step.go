package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// step is one request of the tour.
type step struct {
	path string
	what string   // what is sent, in words
	send []string // the Authorization header fields
	want outcome
	got  outcome
	log  string // the attributes of the log line of a rejected request

	patient bool // retry while the status is 503, as a load balancer does
}

func (s step) wrong() bool { return s.got != s.want }

// outcome contains the parts of a response that the tour compares.
type outcome struct {
	status     int
	challenge  string
	retryAfter bool
	body       string
	reason     string // the attribute reason of the log line of a rejected request
	failure    string // the error if there was no response
}

// because returns a copy of a with the reason that the log must show.
func (a outcome) because(reason string) outcome {
	a.reason = reason
	return a
}

func isAlive() outcome { return outcome{status: 200, body: "ok"} }

func isReady() outcome { return outcome{status: 200, body: `{"ready":true}`} }

func notReady() outcome { return outcome{status: 503, body: `{"ready":false}`} }

func welcomed() outcome { return outcome{status: 200, body: "hello stranger"} }

func greeted() outcome { return outcome{status: 200, body: "hello alice"} }

// rejected returns the response that RFC 6750 section 3 and RFC 9457 require. It does not use the kit, so that it checks it
// independently.
func rejected(status int, code, scope string) outcome {
	a := outcome{status: status, body: fmt.Sprintf(`{"title":%q,"status":%d`, http.StatusText(status), status)}
	if status == http.StatusServiceUnavailable {
		a.retryAfter = true
	} else {
		a.challenge = `Bearer realm="quickstart"`
	}
	if code != "" {
		a.challenge += fmt.Sprintf(", error=%q", code)
		a.body += fmt.Sprintf(`,"error":%q`, code)
	}
	if scope != "" {
		a.challenge += fmt.Sprintf(", scope=%q", scope)
		a.body += fmt.Sprintf(`,"scope":%q`, scope)
	}
	a.body += "}"
	return a
}

// api is the type of newAPI. Tests replace the function.
type api func(issuer string, logger *slog.Logger) (http.Handler, error)

// server is an API on a free port, with an HTTP client for it and the lines that it logs.
type server struct {
	url    string
	client *http.Client
	lines  *lines
	close  func()
}

func open(ctx context.Context, issuer *demo.Issuer, newAPI api) (*server, error) {
	lines := new(lines)
	handler, err := newAPI(issuer.URL(), slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		return nil, err
	}
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &server{
		url:    "http://" + listener.Addr().String(),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
		lines:  lines,
		close:  demo.Start(ctx, listener, handler),
	}, nil
}

// send sends the requests of the steps in order. It returns the steps with the responses.
func (s *server) send(ctx context.Context, steps ...step) []step {
	for i := range steps {
		s.lines.clear()
		steps[i].got = s.take(ctx, steps[i])
		steps[i].log, steps[i].got.reason = s.lines.rejection()
	}
	return steps
}

// take sends the request of a step, at most maxTries times.
func (s *server) take(ctx context.Context, step step) outcome {
	for tries := 1; ; tries++ {
		got, err := s.get(ctx, step.path, step.send)
		if err != nil {
			return outcome{failure: err.Error()}
		}
		if got.status != http.StatusServiceUnavailable || !step.patient || tries == maxTries {
			return got
		}
	}
}

const maxTries = 20

func (s *server) get(ctx context.Context, path string, authorization []string) (outcome, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return outcome{}, err
	}
	request.Header["Authorization"] = authorization
	response, err := s.client.Do(request)
	if err != nil {
		return outcome{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return outcome{
		status:     response.StatusCode,
		challenge:  strings.Join(response.Header["Www-Authenticate"], ", "),
		retryAfter: response.Header.Get("Retry-After") != "",
		body:       strings.TrimSpace(string(body)),
	}, err
}

// lines is the log of an API.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

var rejection = regexp.MustCompile(`msg="request rejected" (status=\d+ reason=(\w+) .*)`)

// rejection returns the attributes of the last line about a rejected request, and its attribute reason. Both are empty if
// there is no such line.
func (l *lines) rejection() (attributes, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, match := range rejection.FindAllStringSubmatch(l.text.String(), -1) {
		attributes, reason = match[1], match[2]
	}
	return attributes, reason
}

// printLog prints the log lines of the rejected requests.
func printLog(stdout io.Writer, steps []step) {
	fmt.Fprintln(stdout, "\nThe responses do not say why a request was rejected. The log does, in its lines \"request rejected\":")
	for _, s := range steps {
		if s.log != "" {
			fmt.Fprintf(stdout, "  %s:\n    %s\n", s.what, s.log)
		}
	}
}

func printTable(stdout io.Writer, steps []step) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REQUEST\tSENT\tSTATUS\tCHALLENGE")
	for _, s := range steps {
		fmt.Fprintf(table, "GET %s\t%s\t%d\t%s", s.path, s.what, s.got.status, cmp.Or(s.got.challenge, "none"))
		if s.got.retryAfter {
			fmt.Fprint(table, ", with Retry-After")
		}
		if s.wrong() {
			fmt.Fprintf(table, " <- WRONG: got %+v, want %+v", s.got, s.want)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
