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

// Document is one of the two that an API asks an issuer for.
type Document string

// The documents.
const (
	Metadata Document = "metadata"
	Keys     Document = "keys"
)

// URL is the identifier of every Issuer. Only its own client reaches it.
const URL = "http://localhost"

// Issuer is an issuer that fails on command. It is safe for concurrent use.
type Issuer struct {
	*bearertest.Issuer

	network Network
	client  *http.Client

	mu     sync.Mutex // guards what follows
	server *http.Server
	dial   Dial
	faults map[Document]Fault
	asked  map[Document]int
	moves  int           // of the keys
	ahead  time.Duration // of the clock
	header http.Header   // of every answer
}

// New starts an issuer on a network of its own. URL in cfg is not used.
func New(cfg bearertest.IssuerConfig, network Network) (*Issuer, error) {
	cfg.URL = URL
	i := &Issuer{
		Issuer: bearertest.NewIssuer(cfg), network: network,
		faults: make(map[Document]Fault), asked: make(map[Document]int), header: make(http.Header),
	}
	i.client = &http.Client{Transport: &http.Transport{DialContext: i.connect}}
	return i, i.Start()
}

// Client reaches the issuer, wherever it is, and nobody else.
func (i *Issuer) Client() *http.Client { return i.client }

// Close takes the issuer off the network and ends all connections.
func (i *Issuer) Close() {
	i.Stop()
	i.client.CloseIdleConnections()
}

// Start brings the issuer to the network, at another address than before.
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

// Stop takes the issuer off the network: connections are refused, and those that stand are cut.
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

// Fail makes what was asked for go wrong from now on: all documents, or those that are named.
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

// Heal lifts every fault.
func (i *Issuer) Heal() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.faults)
}

// MoveKeys changes the jwks_uri. At the old place there is nothing any more.
func (i *Issuer) MoveKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.moves++
}

// JumpClock sets the issuer's clock ahead, or back: that of its tokens and of its Date header.
func (i *Issuer) JumpClock(by time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ahead += by
}

// SetHeader adds a header to every good answer, as Cache-Control.
func (i *Issuer) SetHeader(name, value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.header.Set(name, value)
}

// Asked is how often a document was asked for, whatever was answered. Connections that were refused don't count.
func (i *Issuer) Asked(document Document) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[document]
}

// Good is a token that is good for an hour by the issuer's clock.
func (i *Issuer) Good() *bearertest.Token { return i.LastingFor(time.Hour) }

// LastingFor is a token that is good for so long by the issuer's clock.
func (i *Issuer) LastingFor(d time.Duration) *bearertest.Token {
	i.mu.Lock()
	now := time.Now().Add(i.ahead)
	i.mu.Unlock()
	return i.AccessToken().Set("iat", now.Unix()).Set("exp", now.Add(d).Unix())
}

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

// answer is what a sound issuer says.
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
