// Package versions_test helps to check that the kit reads and writes the same JSON with every supported Go version. It reads
// generated texts and hashes all results and error texts. `make json-versions` runs it with two Go versions and compares the
// hashes. An ordinary test run checks that no text causes a panic or a long error.
package versions_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

var (
	inputs = flag.Int("inputs", 500, "number of generated texts for each reader")
	dumpTo = flag.String("dump", "", "folder for all texts and results, to find what differs")
)

// reader reads one text and writes all that it finds out.
type reader struct {
	name  string
	names []string // the member names that texts for it are made of
	base  []string // members that make many texts acceptable
	read  func(t *testing.T, w io.Writer, text string)
}

func TestDigests(t *testing.T) {
	t.Parallel()
	for _, r := range readers(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			fmt.Println(r.name, digest(t, r)) // .ci/json-versions compares this line
		})
	}
}

// record writes the results of one call, and checks the length of its error text.
func record(t *testing.T, w io.Writer, err error, results ...any) {
	t.Helper()
	if err != nil && len(err.Error()) > 2000 {
		t.Errorf("error text of %d bytes: %.200v", len(err.Error()), err)
	}
	fmt.Fprintln(w, append(results, err)...)
}

// digest returns the hash of everything that r writes about the texts of its generator.
func digest(t *testing.T, r reader) string {
	t.Helper()
	hash := sha256.New()
	w := io.Writer(hash)
	if *dumpTo != "" {
		file, err := os.Create(filepath.Join(*dumpTo, r.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		w = io.MultiWriter(hash, file)
	}
	g := newGenerator(r.name, r.names, r.base)
	for range *inputs {
		text := g.text()
		fmt.Fprintf(w, "%q\n", text)
		r.read(t, w, text)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func readers(t *testing.T) []reader {
	t.Helper()
	clients, err := registry.New(registry.Config{Store: store.NewClients()})
	if err != nil {
		t.Fatal(err)
	}
	return []reader{
		{"compact", []string{"text", "TEXT", "Text", "n", "list", "map", "inner", "any", "when", "flag"}, nil, readCompact},
		{"consumer", []string{"iss", "sub", "SUB", "aud", "exp", "scope", "scp", "cnf", "jkt", "client_id"}, []string{`"iss":"https://a.example"`}, readToken},
		{"oidcdiscovery", []string{"issuer", "jwks_uri", "Issuer", "mtls_endpoint_aliases", "scopes_supported", "token_endpoint", "request_parameter_supported"}, []string{
			`"issuer":"https://a.example"`, `"issuer":"https://a.example","claims_supported":["sub"],"scopes_supported":["openid"]`,
		}, readMetadata},
		{"jwks", []string{"keys", "kty", "kid", "n", "e", "crv", "x", "y", "use", "alg", "key_ops", "x5c"}, []string{
			`"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"`,
			`"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`,
		}, readKeys},
		{"client", []string{"access_token", "token_type", "refresh_token", "expires_in", "scope", "error", "Error", "errors", "x"}, []string{
			`"access_token":"at"`, `"access_token":"at","token_type":"Bearer","refresh_token":"rt"`, `"error":"invalid_grant"`,
		}, readTokenResponse},
		{"jwtsign", []string{"iss", "sub", "aud", "max_age", "claims"}, nil, signClaims},
		{"registry", []string{"logo", "contacts", "a", "b"}, nil, func(t *testing.T, w io.Writer, text string) {
			var extra map[string]any
			if json.Unmarshal([]byte(text), &extra) != nil {
				return
			}
			c, err := clients.Create(t.Context(), registry.NewClient{
				Name: "x", Public: true, Flows: []registry.Flow{registry.FlowRefreshToken}, Extra: extra,
			})
			record(t, w, err, dump(c.Client.Extra))
		}},
	}
}

type target struct {
	Text  string            `json:"text"`
	N     int16             `json:"n"`
	List  []string          `json:"list"`
	Map   map[string]*inner `json:"map"`
	Inner inner             `json:"inner"`
	Any   any               `json:"any"`
	When  time.Time         `json:"when"`
	Flag  *bool             `json:"flag"`
	inner
}

type inner struct {
	A json.Number `json:"a"`
	B float32     `json:"b,string"`
	C []byte      `json:"c"`
	D [2]uint8    `json:"d"`
}

func readCompact(t *testing.T, w io.Writer, text string) {
	t.Helper()
	document, faults, err := compact.ParseDocument(text, 8)
	record(t, w, err, document.Raw())
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		record(t, w, faults[name], name)
	}
	o, err := compact.ParseObject(text, 8)
	record(t, w, err)
	if err != nil {
		return
	}
	for name, value := range o.All() {
		fmt.Fprintf(w, "%q %v %s\n", name, value.Kind(), dump(value.Any()))
	}
	for _, v := range []any{new(target), new(any), new(map[string]any), new(map[string]json.RawMessage), new(map[string]target)} {
		err := o.Decode(v)
		record(t, w, err, dump(v))
	}
}

func readToken(t *testing.T, w io.Writer, text string) {
	t.Helper()
	token, err := consumer.NewToken("https://a.example", json.RawMessage(text))
	record(t, w, err)
	if err != nil {
		return
	}
	var v target
	err = token.Decode(&v)
	record(t, w, err, dump(v), token.Subject(), token.Audience(), token.Scopes(), token.Expiry().Unix())
}

func readMetadata(t *testing.T, w io.Writer, text string) {
	t.Helper()
	var c oidcdiscovery.Client
	m, err := c.Parse("https://a.example", []byte(text))
	record(t, w, err)
	if err != nil {
		return
	}
	fmt.Fprintln(w, dump(m), m.Quirks())
	record(t, w, m.Check("mtls_endpoint_aliases", "scopes_supported", "token_endpoint", "request_parameter_supported"))
	var claims map[string]any
	err = m.Claims(&claims)
	record(t, w, err, dump(claims))
}

// readTokenResponse reads a text as the response of a token endpoint.
func readTokenResponse(t *testing.T, w io.Writer, text string) {
	t.Helper()
	for _, r := range []responder{{http.StatusOK, "application/json", text}, {http.StatusBadRequest, "text/plain", text}} {
		c, err := client.New(client.Config{
			Issuer: "https://a.example", ClientID: "app", HTTPClient: &http.Client{Transport: r},
			Endpoints: map[string]string{"token_endpoint": "https://a.example/token"},
		})
		if err != nil {
			t.Fatal(err)
		}
		token, err := c.ClientCredentials(t.Context())
		record(t, w, err, c.Quirks())
		if late, ok := errors.AsType[*client.IncompleteError](err); ok {
			token = late.Token
		}
		if token == nil {
			continue
		}
		token.Expiry, token.ReceivedAt = time.Time{}, time.Time{}
		stored, err := json.Marshal(token)
		record(t, w, err, string(stored))
		var again client.Token
		err = json.Unmarshal(stored, &again)
		record(t, w, err, dump(again), dump(again.Extra("x")))
	}
}

// responder is a transport that always returns the same response.
type responder struct {
	status          int
	mediaType, body string
}

// RoundTrip implements http.RoundTripper.
func (r responder) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: r.status, Header: http.Header{"Content-Type": {r.mediaType}}, Body: io.NopCloser(strings.NewReader(r.body)),
		ContentLength: -1, Request: req,
	}, nil
}

func readKeys(t *testing.T, w io.Writer, text string) {
	t.Helper()
	keys, err := jwks.ParseJWKS([]byte(text))
	record(t, w, err, len(keys))
	keys, err = jwks.ParseJWKS([]byte(`{"keys":[` + text + `]}`))
	record(t, w, err, len(keys))
}

// signClaims writes claims that were read from text. Only text that is valid UTF-8 has one JSON form.
func signClaims(t *testing.T, w io.Writer, text string) {
	t.Helper()
	o, err := compact.ParseObject(text, 8)
	if err != nil {
		return
	}
	var claims map[string]any
	if o.Decode(&claims) != nil {
		return
	}
	key := jwtsign.Key{Private: []byte(strings.Repeat("k", 32)), Algorithm: "HS256"}
	signed, err := key.JWT(map[string]any{"typ": "x"}, claims)
	record(t, w, err, signed)
}

// dump writes v in a form that has no addresses and a fixed order.
func dump(v any) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(v))
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		dumpValue(b, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				dumpValue(b, v.Field(i))
				b.WriteByte(';')
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			fmt.Fprintf(b, "%q:", key)
			dumpValue(b, v.MapIndex(key))
			b.WriteByte(';')
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprintf(b, "%d[", v.Len())
		for i := range v.Len() {
			dumpValue(b, v.Index(i))
			b.WriteByte(',')
		}
	case reflect.Invalid:
		b.WriteString("nil")
	default:
		fmt.Fprintf(b, "%q", fmt.Sprint(v))
	}
}
