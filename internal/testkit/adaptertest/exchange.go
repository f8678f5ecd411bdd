package adaptertest

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// anyNonce is the value of DPoP-Nonce in every answer with one nonce.
const anyNonce = "a nonce"

// answer is a response as the client receives it.
type answer struct {
	Status int
	Header http.Header // without Date
	Body   string
	Broken bool // the connection was closed before the response ended
	Twice  bool // net/http logged that the header was written twice
}

// overSocket sends a request to a server on the loopback interface. The response then includes what net/http adds:
// implied headers, no body for HEAD, and a closed connection after a panic.
func overSocket(handler http.Handler, r *http.Request) answer {
	complaints := new(complaints)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(complaints, "", 0)
	server.Start()
	defer server.Close()

	// One connection per request: on a reused connection, the transport would retry a request that breaks it.
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	r.URL.Host = server.Listener.Addr().String()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return answer{Broken: true}
	}
	defer func() { _ = response.Body.Close() }()
	got := read(response)
	server.Close() // waits for the handler, which may run longer than the response
	got.Twice = complaints.mention("superfluous")
	return got
}

// inMemory serves a request without a connection, for requests that are canceled before they are served.
func inMemory(handler http.Handler, r *http.Request) answer {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return read(recorder.Result())
}

// read reads the whole response and checks that it contains no part of a token.
func read(response *http.Response) answer {
	body, err := io.ReadAll(response.Body)
	response.Header.Del("Date")
	if nonces := response.Header["Dpop-Nonce"]; len(nonces) == 1 && len(nonces[0]) >= 16 {
		nonces[0] = anyNonce // a nonce changes with the time
	}
	logscan.Response(response, string(body))
	return answer{Status: response.StatusCode, Header: response.Header, Body: string(body), Broken: err != nil}
}

// complaints is the error log of a server.
type complaints struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements [io.Writer].
func (c *complaints) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(line)
}

// mention reports whether the log contains word.
func (c *complaints) mention(word string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.text.String(), word)
}
