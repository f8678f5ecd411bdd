package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// Document is one of the two documents that an API fetches from an issuer.
type Document string

// The documents.
const (
	Metadata Document = "metadata"
	Keys     Document = "keys"
)

// URL is the identifier of every Issuer. Only the client of the Issuer can reach it.
const URL = "http://localhost"

// Issuer is an issuer that fails on command. It is safe for concurrent use.
type Issuer struct {
	*bearertest.Issuer

	network Network
	client  *http.Client

	mu     sync.Mutex // guards the fields below
	server *http.Server
	dial   Dial // nil: disconnected
	faults map[Document]Fault
	asked  map[Document]int // requests
	moves  int              // how often jwks_uri has changed
	ahead  time.Duration    // how far the issuer's clock is ahead
	header http.Header      // added to each response
}

// New starts an issuer on a network. cfg.URL is not used. The caller must call Close.
func New(cfg bearertest.IssuerConfig, network Network) (*Issuer, error) {
	cfg.URL = URL
	i := &Issuer{
		Issuer: bearertest.NewIssuer(cfg), network: network,
		faults: make(map[Document]Fault), asked: make(map[Document]int), header: make(http.Header),
	}
	i.client = &http.Client{Transport: &http.Transport{DialContext: i.connect}}
	return i, i.Start()
}

// Client returns a client that connects to the current address of the issuer, whatever the URL of a request is.
func (i *Issuer) Client() *http.Client { return i.client }

// Close disconnects the issuer and closes all connections.
func (i *Issuer) Close() {
	i.Stop()
	i.client.CloseIdleConnections()
}

// Start connects the issuer to the network, at another address than before.
func (i *Issuer) Start() error {
	listener, dial, err := i.network()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(i.serve), ReadHeaderTimeout: time.Minute}
	i.mu.Lock()
	i.server, i.dial = server, dial
	i.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
	return nil
}

// Stop disconnects the issuer: open connections are closed, and new ones are refused.
func (i *Issuer) Stop() {
	i.mu.Lock()
	server := i.server
	i.server, i.dial = nil, nil
	i.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

var errRefused = errors.New("chaos: connection refused")

func (i *Issuer) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	i.mu.Lock()
	dial := i.dial
	i.mu.Unlock()
	if dial == nil {
		return nil, errRefused
	}
	return dial(ctx)
}

// Fail handles requests for the given documents with fault from now on. Without documents, it applies to all.
func (i *Issuer) Fail(fault Fault, of ...Document) {
	if len(of) == 0 {
		of = []Document{Metadata, Keys}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, document := range of {
		i.faults[document] = fault
	}
}

// Heal removes all faults.
func (i *Issuer) Heal() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.faults)
}

// MoveKeys changes the jwks_uri. The old URL then returns 404.
func (i *Issuer) MoveKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.moves++
}

// JumpClock moves the issuer's clock, which its tokens and its Date header use. A negative duration sets it back.
func (i *Issuer) JumpClock(by time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ahead += by
}

// SetHeader adds a header, such as Cache-Control, to every response.
func (i *Issuer) SetHeader(name, value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.header.Set(name, value)
}

// Asked returns the number of requests for a document, whatever the responses were. Refused connections do not count.
func (i *Issuer) Asked(document Document) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[document]
}

// Good returns a token that is valid for an hour by the issuer's clock.
func (i *Issuer) Good() *bearertest.Token { return i.LastingFor(time.Hour) }

// LastingFor returns a token that is valid for d by the issuer's clock. If d is negative, it has expired.
func (i *Issuer) LastingFor(d time.Duration) *bearertest.Token {
	i.mu.Lock()
	now := time.Now().Add(i.ahead)
	i.mu.Unlock()
	return i.AccessToken().Set("iat", now.Unix()).Set("exp", now.Add(d).Unix())
}

// serve counts a request and handles it, correctly or with the fault of its document.
func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	document := Metadata
	if strings.HasPrefix(r.URL.Path, "/jwks") {
		document = Keys
	}
	i.mu.Lock()
	i.asked[document]++
	fault, ahead := i.faults[document], i.ahead
	maps.Copy(w.Header(), i.header.Clone())
	i.mu.Unlock()
	if ahead != 0 {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	answer := func(w http.ResponseWriter) { i.answer(w, r, document) }
	if fault == nil {
		answer(w)
		return
	}
	fault(w, r, answer)
}

// answer writes the correct response. The JWKS is only at the current jwks_uri.
func (i *Issuer) answer(w http.ResponseWriter, r *http.Request, document Document) {
	place := i.keysPath()
	switch {
	case document == Keys && r.URL.Path != place:
		http.NotFound(w, r)
	case document == Keys:
		writeJSON(w, i.JWKS())
	default:
		recorder := httptest.NewRecorder()
		i.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusOK {
			http.NotFound(w, r)
			return
		}
		writeJSON(w, withKeysAt(recorder.Body.Bytes(), URL+place))
	}
}

func (i *Issuer) keysPath() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.moves == 0 {
		return "/jwks"
	}
	return "/jwks-" + strconv.Itoa(i.moves)
}

// withKeysAt returns metadata with another jwks_uri.
func withKeysAt(metadata []byte, place string) []byte {
	var members map[string]any
	if json.Unmarshal(metadata, &members) != nil {
		return metadata
	}
	members["jwks_uri"] = place
	changed, _ := json.Marshal(members) // it was JSON before
	return changed
}

func writeJSON(w http.ResponseWriter, document []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
}
